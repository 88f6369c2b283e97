"""What clients may rely on beside networks, subnets and ports: the extensions that are served, by Neutron's aliases.

An alias is listed when all that Neutron's document of it says is answered, be it with "there is none": clients decide
by it which attributes to send.
"""

from typing import Any

from vipool.api import exchange

# Alias, what it is about, and the moment Neutron's own list gives.
EXTENSIONS = (
    ("agent", "Agents, of which there are none", "2013-02-03T10:00:00-00:00"),
    ("allowed-address-pairs", "Further addresses of ports", "2013-07-23T10:00:00-00:00"),
    ("auto-allocated-topology", "A network made on request", "2016-01-01T00:00:00-00:00"),
    ("availability_zone", "Availability zones, of which there are none", "2015-01-01T10:00:00-00:00"),
    ("binding", "Binding of ports", "2014-02-03T10:00:00-00:00"),
    ("default-subnetpools", "Default subnet pools", "2016-02-18T18:00:00-00:00"),
    ("dns-integration", "Names of ports and floating IPs", "2015-08-15T18:00:00-00:00"),
    ("empty-string-filtering", "Filters for empty text", "2018-05-01T10:00:00-00:00"),
    ("ext-gw-mode", "Source NAT switch of router gateways", "2013-03-28T10:00:00-00:00"),
    ("external-net", "External networks", "2013-01-14T10:00:00-00:00"),
    ("extra_dhcp_opt", "DHCP options of ports", "2013-03-17T12:00:00-00:00"),
    ("extraroute", "Routes of routers", "2013-02-01T10:00:00-00:00"),
    ("extraroute-atomic", "Routes added and removed one by one", "2019-07-10T00:00:00+00:00"),
    ("filter-validation", "Refusal of unknown filters", "2018-07-04T10:00:00-00:00"),
    ("fip-port-details", "Port details of floating IPs", "2018-04-09T10:00:00-00:00"),
    ("flavors", "Flavors of services, of which there are none", "2015-09-17T10:00:00-00:00"),
    ("ip-substring-filtering", "Filters for parts of addresses", "2017-11-28T09:00:00-00:00"),
    ("l3-flavors", "Flavors of routers, of which there are none", "2016-05-17T00:00:00-00:00"),
    ("l3-port-ip-change-not-allowed", "Addresses that stay with their router", "2018-10-09T10:00:00-00:00"),
    ("net-mtu", "MTU of networks", "2015-03-25T10:00:00-00:00"),
    ("net-mtu-writable", "MTU that can be set", "2017-07-12T00:00:00-00:00"),
    ("network_availability_zone", "Availability zones of networks", "2015-01-01T10:00:00-00:00"),
    ("network-ip-availability", "Availability of addresses", "2015-09-24T00:00:00-00:00"),
    ("network-ip-availability-details", "Availability of addresses in detail", "2024-02-01T00:00:00-00:00"),
    ("pagination", "Pages", "2016-06-12T00:00:00-00:00"),
    ("port-resource-request", "Resources that ports need, which is none", "2018-05-08T10:00:00-00:00"),
    ("port-security", "Port security", "2012-07-23T10:00:00-00:00"),
    ("port-security-groups-filtering", "Filters for security groups", "2018-01-09T09:00:00-00:00"),
    ("project-id", "Projects", "2016-09-09T09:09:09-09:09"),
    ("provider", "Provider networks", "2012-09-07T10:00:00-00:00"),
    ("qos", "QoS policies", "2015-06-08T10:00:00-00:00"),
    ("qos-bw-limit-direction", "Direction of bandwidth limits", "2017-04-10T10:00:00-00:00"),
    ("qos-bw-minimum-ingress", "Minimum bandwidth into ports", "2018-07-09T10:00:00-00:00"),
    ("qos-fip", "QoS policies of floating IPs", "2017-07-20T00:00:00-00:00"),
    ("qos-port-network-policy", "QoS policies that ports have from their networks", "2019-11-01T10:00:00-00:00"),
    ("qos-pps", "Packet rate limits", "2021-05-12T10:00:00-00:00"),
    ("qos-pps-minimum", "Minimum packet rates", "2021-07-14T10:00:00-00:00"),
    ("qos-rule-type-details", "Kinds of QoS rules in detail", "2017-06-22T10:00:00-00:00"),
    ("qos-rule-type-filter", "Filters for kinds of QoS rules", "2022-02-02T10:00:00-00:00"),
    ("quota-check-limit", "Quotas checked against use", "2021-09-08T16:00:00-00:00"),
    ("quota-check-limit-default", "Quotas checked against use unless forced", "2024-08-21T16:00:00-00:00"),
    ("quota_details", "Quota use", "2017-02-10T10:00:00-00:00"),
    ("quotas", "Quotas", "2012-07-29T10:00:00-00:00"),
    ("rbac-policies", "Networks shared with single projects", "2015-06-17T12:15:12-00:00"),
    ("revision-if-match", "Updates if unchanged", "2016-12-11T00:00:00-00:00"),
    ("router", "Routers", "2012-07-20T10:00:00-00:00"),
    ("router_availability_zone", "Availability zones of routers", "2015-01-01T10:00:00-00:00"),
    ("security-group", "Security groups", "2012-10-05T10:00:00-00:00"),
    ("security-groups-normalized-cidr", "Canonical prefixes in rules", "2020-07-28T10:00:00-00:00"),
    ("security-groups-rules-belongs-to-default-sg", "Rules of default groups", "2023-05-23T10:00:00-00:00"),
    ("security-groups-shared-filtering", "Filter for shared groups", "2021-10-05T09:00:00-00:00"),
    ("service-type", "Service providers", "2013-01-20T00:00:00-00:00"),
    ("sorting", "Order", "2016-06-12T00:00:00-00:00"),
    ("standard-attr-description", "Descriptions", "2016-02-10T10:00:00-00:00"),
    ("standard-attr-revisions", "Revision numbers", "2016-04-11T10:00:00-00:00"),
    ("standard-attr-tag", "Tags", "2017-01-01T00:00:00-00:00"),
    ("standard-attr-timestamp", "Times", "2016-09-12T10:00:00-00:00"),
    ("stateful-security-group", "Stateless security groups", "2019-11-26T09:00:00-00:00"),
    ("subnet-external-network", "Subnets of external networks", "2024-02-05T18:00:00-00:00"),
    ("subnet-service-types", "Service types of subnets", "2016-03-15T18:00:00-00:00"),
    ("subnet_allocation", "Subnet pools", "2015-03-30T10:00:00-00:00"),
    ("tag-creation", "Several tags at once", "2024-07-23T10:00:00-00:00"),
)


def index(call: exchange.Call) -> exchange.Answer:
    """GET extensions."""
    return exchange.Answer(body={"extensions": [_show(*each) for each in EXTENSIONS]})


def show(call: exchange.Call) -> exchange.Answer:
    """GET extensions/{alias}; an unknown one has Neutron's other error document."""
    alias = call.parts["alias"].removesuffix(".json")
    found = next((each for each in EXTENSIONS if each[0] == alias), None)
    if found is None:
        sentence = f"The resource could not be found. Extension with alias {alias} does not exist."
        return exchange.Answer(status=404, body={"message": sentence, "code": "404 Not Found", "title": "Not Found"})
    return exchange.Answer(body={"extension": _show(*found)})


def _show(alias: str, name: str, updated: str) -> dict[str, Any]:
    return {"name": name, "alias": alias, "description": name, "updated": updated, "links": []}
