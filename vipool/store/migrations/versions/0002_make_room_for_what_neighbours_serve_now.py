"""Make room for what neighbours serve now."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring a database of the revision before to this one."""
    op.create_table(
        "access_rules",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_rules")),
    )
    with op.batch_alter_table("access_rules", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_access_rules_user_id"), ["user_id"], unique=False)

    op.create_table(
        "auto_allocated_topologies",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("network_id", sa.Text(), nullable=False),
        sa.Column("router_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auto_allocated_topologies")),
    )
    op.create_table(
        "bandwidth_limit_rules",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("qos_policy_id", sa.Text(), nullable=False),
        sa.Column("max_kbps", sa.BigInteger(), nullable=False),
        sa.Column("max_burst_kbps", sa.BigInteger(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bandwidth_limit_rules")),
    )
    with op.batch_alter_table("bandwidth_limit_rules", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bandwidth_limit_rules_qos_policy_id"), ["qos_policy_id"], unique=False)

    op.create_table(
        "dscp_marking_rules",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("qos_policy_id", sa.Text(), nullable=False),
        sa.Column("dscp_mark", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dscp_marking_rules")),
    )
    with op.batch_alter_table("dscp_marking_rules", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dscp_marking_rules_qos_policy_id"), ["qos_policy_id"], unique=False)

    op.create_table(
        "endpoints",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("interface", sa.Text(), nullable=False),
        sa.Column("region_id", sa.Text(), nullable=True),
        sa.Column("service_id", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("extra", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_endpoints")),
    )
    with op.batch_alter_table("endpoints", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_endpoints_region_id"), ["region_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_endpoints_service_id"), ["service_id"], unique=False)

    op.create_table(
        "groups",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("domain_id", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("extra", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_groups")),
    )
    with op.batch_alter_table("groups", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_groups_domain_id"), ["domain_id"], unique=False)

    op.create_table(
        "memberships",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_memberships")),
    )
    with op.batch_alter_table("memberships", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_memberships_group_id"), ["group_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_memberships_user_id"), ["user_id"], unique=False)

    op.create_table(
        "minimum_bandwidth_rules",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("qos_policy_id", sa.Text(), nullable=False),
        sa.Column("min_kbps", sa.BigInteger(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_minimum_bandwidth_rules")),
    )
    with op.batch_alter_table("minimum_bandwidth_rules", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_minimum_bandwidth_rules_qos_policy_id"), ["qos_policy_id"], unique=False)

    op.create_table(
        "minimum_packet_rate_rules",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("qos_policy_id", sa.Text(), nullable=False),
        sa.Column("min_kpps", sa.BigInteger(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_minimum_packet_rate_rules")),
    )
    with op.batch_alter_table("minimum_packet_rate_rules", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_minimum_packet_rate_rules_qos_policy_id"), ["qos_policy_id"], unique=False)

    op.create_table(
        "packet_rate_limit_rules",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("qos_policy_id", sa.Text(), nullable=False),
        sa.Column("max_kpps", sa.BigInteger(), nullable=False),
        sa.Column("max_burst_kpps", sa.BigInteger(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_packet_rate_limit_rules")),
    )
    with op.batch_alter_table("packet_rate_limit_rules", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_packet_rate_limit_rules_qos_policy_id"), ["qos_policy_id"], unique=False)

    op.create_table(
        "rbac_policies",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("target_tenant", sa.Text(), nullable=False),
        sa.Column("object_type", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rbac_policies")),
    )
    with op.batch_alter_table("rbac_policies", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rbac_policies_object_id"), ["object_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_rbac_policies_project_id"), ["project_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_rbac_policies_target_tenant"), ["target_tenant"], unique=False)

    op.create_table(
        "regions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("parent_region_id", sa.Text(), nullable=True),
        sa.Column("extra", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_regions")),
    )
    op.create_table(
        "services",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("extra", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_services")),
    )
    op.create_table(
        "subnetpools",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("revision_number", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=True),
        sa.Column("updated_at", sa.DateTime(), nullable=True),
        sa.Column("tags", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefixes", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("default_prefixlen", sa.BigInteger(), nullable=False),
        sa.Column("min_prefixlen", sa.BigInteger(), nullable=False),
        sa.Column("max_prefixlen", sa.BigInteger(), nullable=False),
        sa.Column("ip_version", sa.BigInteger(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("default_quota", sa.BigInteger(), nullable=True),
        sa.Column("address_scope_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subnetpools")),
    )
    with op.batch_alter_table("subnetpools", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_subnetpools_project_id"), ["project_id"], unique=False)

    op.create_table(
        "trusts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("trustor_user_id", sa.Text(), nullable=False),
        sa.Column("trustee_user_id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("impersonation", sa.Boolean(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=True),
        sa.Column("remaining_uses", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.Column("redelegated_trust_id", sa.Text(), nullable=True),
        sa.Column("redelegation_count", sa.BigInteger(), nullable=False),
        sa.Column("role_ids", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trusts")),
    )
    with op.batch_alter_table("trusts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_trusts_project_id"), ["project_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_trusts_trustee_user_id"), ["trustee_user_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_trusts_trustor_user_id"), ["trustor_user_id"], unique=False)

    with op.batch_alter_table("application_credentials", schema=None) as batch_op:
        batch_op.add_column(sa.Column("access_rule_ids", sa.JSON(none_as_null=True), nullable=True))
        batch_op.alter_column("project_id", existing_type=sa.TEXT(), nullable=True)

    with op.batch_alter_table("policies", schema=None) as batch_op:
        batch_op.drop_column("rules")

    # Until now roles were given to users alone.
    with op.batch_alter_table("role_assignments", schema=None) as batch_op:
        batch_op.add_column(sa.Column("actor", sa.Text(), nullable=False, server_default="user"))
        batch_op.drop_index(batch_op.f("ix_role_assignments_user_id"))
        batch_op.alter_column("user_id", new_column_name="actor_id")
    with op.batch_alter_table("role_assignments", schema=None) as batch_op:
        batch_op.alter_column("actor", server_default=None)
        batch_op.create_index(batch_op.f("ix_role_assignments_actor_id"), ["actor_id"], unique=False)

    with op.batch_alter_table("subnets", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_subnets_subnetpool_id"), ["subnetpool_id"], unique=False)
