"""What would follow, without doing it: the way back, moving to another definition, and whether code
can go on with what other code began. Pure, as `sagas.machine` is, of whose functions it is made."""

from sagas.whatif.preview import WayBack, way_back

__all__ = ["WayBack", "way_back"]
