"""What can stand in the way at a player. Those about a moment carry the present state as `player`."""

from tutti.errors import Conflict, Forbidden, NotFound, Unusable
from tutti.text import _


class PlayerMoved(Conflict):
    """`ifVersion` is not the player's version any more."""

    sentence = _("Someone changed the player first; here is how it stands now.")


class QueueEmpty(Conflict):
    """There is nothing to play."""

    sentence = _("The queue is empty. Add a song first.")


class NothingPlayable(Conflict):
    """There are songs in the queue, and none that can be played: deleted, or not to be heard here."""

    sentence = _("None of the songs in the queue can be played any more. Add another one.")


class QueueFull(Conflict):
    """More items than a queue holds."""

    sentence = _("A queue holds at most {most} songs. Remove some first.")


class NothingToUndo(Conflict):
    """None of the caller's changes is among those kept, or all of them are undone."""

    sentence = _("There is nothing of yours to undo.")


class NothingToRedo(Conflict):
    """The caller's last change of the queue was no undo."""

    sentence = _("There is nothing to redo.")


class ItemGone(NotFound):
    """The item is not in this queue, perhaps because someone has just removed it."""

    sentence = _("This song is no longer in the queue.")


class SongsNotFound(NotFound):
    """Some of the songs do not exist or may not be heard; `song_ids` names them. Nothing was added."""

    sentence = _("Some of these songs do not exist any more, or are not yours to hear.")


class DeviceGone(NotFound):
    """No such device at this player."""

    sentence = _("This device is no longer here.")


class DeviceCannotPlay(Unusable):
    """A remote control without sound."""

    sentence = _("{name} can steer the music but not play it.")


class RightMissing(Forbidden):
    """A guest without the right that this takes; `right` names it."""

    sentence = _("Your host has not given you the right to do this.")
