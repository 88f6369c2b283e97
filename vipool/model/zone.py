"""Availability zones: the places an administrator lets users choose from, and the profiles that say what they are.

A zone has no id in the API: its name is what it is known by, and never changes.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from vipool.model import attr, types

Data = types.String(4096)
# A zone is asked for by a path that ends in its name: what a slash is in would not be found, nor the names of folders.
NAME = r"(?!\.{1,2}$)[^/]+"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile(attr.Resource):
    """One availability zone profile (Octavia API v2, `availabilityzoneprofiles`)."""

    NOUN: ClassVar = attr.Noun(
        wrapper="availability_zone_profile",
        collection="availability_zone_profiles",
        title="Availability Zone Profile",
        argument="availability_zone_profile_",
        links="availability_zone_profile_links",
    )

    name: Annotated[str, types.String(), attr.Attr(doc="A name for people; need not be unique.")]
    provider_name: Annotated[str, types.String(), attr.Attr(doc="The provider that knows the place.")]
    availability_zone_data: Annotated[
        str, Data, attr.Attr(doc="What the place is: a JSON object, as text, of the provider's zone capabilities.")
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone(attr.Resource):
    """One availability zone (Octavia API v2, `availabilityzones`); its id is its name."""

    NOUN: ClassVar = attr.Noun(
        wrapper="availability_zone",
        collection="availability_zones",
        title="Availability Zone",
        argument="availability_zone_",
    )

    id: Annotated[str, types.String(), attr.hidden("The name.")]
    name: Annotated[
        str,
        types.String(least=1, pattern=NAME),
        attr.Attr(doc="The name, unique; it never changes, and has no slash.", update=False),
    ]
    availability_zone_profile_id: Annotated[
        str, types.Uuid(), attr.Attr(doc="The profile that says what it is.", update=False, indexed=True)
    ]
    description: Annotated[str, types.String(), attr.Attr(doc="A description for people.", null="")] = ""
    enabled: Annotated[bool, types.Boolean(), attr.Attr(doc="Whether new load balancers may be there.", null=False)] = (
        True
    )
