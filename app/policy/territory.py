"""The territory of an overlay pack: where it applies, below its country. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Territory:
    """Area in which an overlay pack applies, below its country. One match is enough: in doubt it applies."""

    regions: frozenset[str] = frozenset()
    """Upper case, codes and names: "MA", "MASSACHUSETTS"."""
    cities: frozenset[str] = frozenset()
    """Upper case. With `regions`, a city counts only there or where the region is not known."""
    postcodes: tuple[str, ...] = ()
    """Prefixes."""

    def contains(self, region: str, city: str, postcode: str) -> bool:
        region, city = region.strip().upper(), city.strip().upper()
        if self.postcodes and postcode.strip().startswith(self.postcodes):
            return True
        in_region = region in self.regions
        if not self.cities:
            return in_region
        return city in self.cities and (in_region or not region or not self.regions)
