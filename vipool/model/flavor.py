"""Flavors: what an administrator lets users choose of a provider's abilities, and the profiles that say what."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from vipool.model import attr, types

# Octavia's id for "no flavor", which no flavor has.
NONE = "00000000-0000-0000-0000-000000000000"
Data = types.String(4096)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile(attr.Resource):
    """One flavor profile (Octavia API v2, `flavorprofiles`)."""

    NOUN: ClassVar = attr.Noun(
        wrapper="flavorprofile",
        collection="flavorprofiles",
        title="Flavor Profile",
        argument="flavor_profile_",
        links="flavorprofile_links",
    )

    name: Annotated[str, types.String(), attr.Attr(doc="A name for people; need not be unique.")]
    provider_name: Annotated[str, types.String(), attr.Attr(doc="The provider whose abilities are chosen.")]
    flavor_data: Annotated[
        str, Data, attr.Attr(doc="What is chosen: a JSON object, as text, of the provider's flavor capabilities.")
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavor(attr.Resource):
    """One flavor (Octavia API v2, `flavors`)."""

    NOUN: ClassVar = attr.Noun(wrapper="flavor", collection="flavors", title="Flavor", argument="flavor_")
    UNIQUE: ClassVar = (("name",),)

    name: Annotated[str, types.String(), attr.Attr(doc="The name that users see, unique.")]
    flavor_profile_id: Annotated[
        str, types.Uuid(), attr.Attr(doc="The profile that says what is chosen.", update=False, indexed=True)
    ]
    description: Annotated[str, types.String(), attr.Attr(doc="A description for people.", null="")] = ""
    enabled: Annotated[bool, types.Boolean(), attr.Attr(doc="Whether new load balancers may have it.", null=False)] = (
        True
    )
