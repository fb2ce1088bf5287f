"""The player: one state that every device of a person, and every guest, shares.

Tables: `queues` (a player's row), `queue_items` (its queue), `queue_changes` (who changed what, for undo),
`shuffled_orders` (how it was mixed before), `player_commands` (what was carried out in the last minutes),
`play_history`, `devices`. Topic: `player:<playerId>`. Events: `player.state`, `queue.changed`,
`devices.changed`; each carries `topic` and the player's `version`. A command that changes something raises it
by one, and so does each thing that time does by itself (a song ends, a handoff is due, outputs fall silent).
What time did is shown under its version before anybody has written it down; `ifVersion` is compared with
that. A client that sees a version it did not expect asks `player.get`, and `queue.get` when `queueVersion`
differs.

**The state** is the answer of every player and queue command and the event `player.state`::

    {"playerId": "0197…", "version": 42,
     "item": {"itemId": "0197…", "songId": "0197…", "title": "Blue in Green", "artist": "Miles Davis",
              "album": "Kind of Blue", "durationMs": 337000, "coverUrl": "/api/v1/songs/0197…/cover",
              "addedBy": {"id": "0197…", "name": "Ann"}, "source": "queue"},
     "next": null, "currentIndex": 0, "isPlaying": true, "positionMs": 1200,
     "anchoredAt": "2026-01-31T20:15:00.000Z", "isShuffled": false, "repeatMode": "none",
     "volume": 0.8, "muted": false,
     "outputs": [{"deviceId": "0197…", "delayMs": 0, "ready": true}],
     "handoff": null, "outputSeenAt": "2026-01-31T20:15:04.120Z",
     "queueVersion": 7, "queueLength": 1, "notice": null, "updatedAt": "2026-01-31T20:15:00.000Z"}

- Position at time t (the common clock): `positionMs + (isPlaying ? max(0, t - anchoredAt) : 0)`, at most
  `durationMs` when that is not 0. `anchoredAt` may lie ahead: a start that several outputs are to meet, or
  (with no outputs) one that waits up to 10 s for a device. Until then the position stands still.
- `item` and `next` are null, or as above; `album`, `coverUrl`, `addedBy` may be null. `next` is what
  `player.next` goes to; under `repeatMode: "one"` the end of the song begins the same song again.
- `handoff`: `{"to": deviceId, "delayMs": 0, "startsAt": null | time, "deadline": time}`. The device `to`
  loads the song and reports `ready`; then `startsAt` is named: the old output fades out there while `to`
  fades in. Not ready at `deadline`: the music stays where it is and `notice` says so.
- `notice`: `{"code", "at", "title", "deviceId"}`, to be shown once per `at`. Codes: `song_skipped` (title),
  `device_not_ready` (deviceId), `output_lost` (no word of an output for 10 s: the music stands), `no_output`
  (no device took up the start).

**Two thumbs on two phones are one wish.** `player.next` and `player.previous` take `fromItemId`, the item
that the person saw, and `fromPositionMs`, where in it: what was left since then, or begun again, is not left
or begun again twice. With it `previous` means what the person saw: past 3 s this song's beginning, else the
song before; without it the player's own position decides.

**The queue**, `queue.get {from?, limit?, since?}`; without `from` around the current item::

    {"playerId": "0197…", "version": 42, "queueVersion": 7, "from": 0, "length": 1, "currentIndex": 0,
     "isShuffled": false, "repeatMode": "none", "items": [item…], "songIds": ["0197…"], "changes": null}

`since: <queueVersion>` asks for what was missed: `changes` is then a list of the `queue.changed` bodies
after that version, in order, and `items` is empty; when too much was missed, `changes` is null and `items`
are given. A socket gets this as `queue.state` after its first `player.state`.

**queue.changed**; `changes` apply one after the other, indexes are in playing order (the shuffled one while
shuffled); `reload: true` means ask `queue.get` instead, `changes` is then empty::

    {"queueVersion": 8, "length": 3, "reload": false, "madeBy": {"id": "0197…", "name": "Ann"} | null,
     "changes": [{"op": "insert", "index": 1, "items": [item, item]},
                 {"op": "remove", "index": 4, "itemId": "0197…"},
                 {"op": "move", "itemId": "0197…", "from": 3, "to": 0}]}

**queue.edit** takes `operations`, carried out in order, each seeing the ones before::

    [{"op": "move", "itemId": "0197…", "to": 0},
     {"op": "remove", "itemIds": ["0197…"]},
     {"op": "replace", "itemId": "0197…", "songIds": ["0197…"]},   one item by other songs
     {"op": "replace", "songIds": ["0197…"]}]                       the whole queue, as for "play this album"

`queue.undo` takes back my last change, again the one before it; `queue.redo` takes back my last undo while I
have changed nothing since. Shuffle, clear and a song that `player.play {songId}` put in are changes too.
What plays and stays plays on; when it goes and what was current before comes back, the music goes on there.

**Devices**, answer of `device.list` and event `devices.changed`; an answer with a smaller `version` than that
of an event heard before is older than it::

    {"version": 42,
     "devices": [{"deviceId": "0197…", "name": "Kitchen", "kind": "browser", "canPlay": true,
                  "isOnline": true, "delayMs": 0, "lastSeenAt": "2026-01-31T20:15:04.120Z"}]}

`device.register {name, kind, canPlay, deviceId?}` answers one such device; the client keeps `deviceId` and
gives it back at the next register. `device.change {deviceId, name?, delayMs?}`, `device.forget {deviceId}`.
One that has said nothing for 150 s is away, and told to be within half a minute more. One that is no output
and was not seen for 180 days, a guest's for 7, is forgotten by itself; then `device.register` answers a new
`deviceId`.

**What a device does.** After `player.state`: am I in `outputs`? Then sound `item` at the position above
(minus my `delayMs` when there are several outputs), else be silent. It sends
`device.report {itemId, positionMs, state, version, measuredAt?}` with `state` one of `ready` (loaded, could
sound), `playing`, `paused`, `stalled`, `ended`, `error`: at once when its own state changes, every 5 s while
it plays, every 60 s otherwise. A report with an older `version` counts as a sign of life only; `ready` alone
needs no more than the current item. After a silence of 10 s an output that says `playing`, where its music
would be by now, never stopped: the pause with `output_lost` is taken back if nobody has touched the music
since. So who sounds and comes back from an outage first reports with the version he knows, before he
registers, then asks `player.get`, and obeys that. A device named by `handoff.to`, and each of several outputs
before a start, loads the song and says `ready`. A start that waits for a device, and one that names none,
comes to the owner's devices and those of who may steer; on others music sounds when somebody sends it there.

**Several together**: `output.add {deviceId}`, `output.remove {deviceId}`; `player.transfer` makes one device
the only output again. A song is over early, or skipped, when it has ended or failed on every output that is
there.

**Errors** about a moment carry the present state as `player`: `player_moved` (409, `ifVersion` is not the
present version), `queue_empty`, `nothing_playable`, `queue_full`, `nothing_to_undo`, `nothing_to_redo` (409),
`item_gone`, `songs_not_found`, `device_gone` (404), `device_cannot_play` (422), `right_missing` (403).
"""

from tutti.player.commands import change as change_player
from tutti.player.commands import get as get_player
from tutti.player.commands import next as next_song
from tutti.player.commands import pause, play, seek, transfer
from tutti.player.commands import previous as previous_song
from tutti.player.devices import Device, Devices
from tutti.player.devices import change as change_device
from tutti.player.devices import forget as forget_device
from tutti.player.devices import leave as leave_device
from tutti.player.devices import list as list_devices
from tutti.player.devices import register as register_device
from tutti.player.devices import report as report_device
from tutti.player.history import History, Played, history
from tutti.player.jobs import (
    forget_commands,
    forget_devices_of,
    forget_orders,
    forget_unseen_devices,
    miss_silent_devices,
)
from tutti.player.model.changes import QueueChanged
from tutti.player.model.settling import due_at
from tutti.player.model.state import Item
from tutti.player.model.state import PlayerState as State
from tutti.player.news import opening, settle, state_in, versions
from tutti.player.outputs import add as add_output
from tutti.player.outputs import remove as remove_output
from tutti.player.people import export_person, forget_person
from tutti.player.problems import (
    DeviceCannotPlay,
    DeviceGone,
    ItemGone,
    NothingPlayable,
    NothingToRedo,
    NothingToUndo,
    PlayerMoved,
    QueueEmpty,
    QueueFull,
    RightMissing,
    SongsNotFound,
)
from tutti.player.queue import Queue
from tutti.player.queue import add as add_to_queue
from tutti.player.queue import clear as clear_queue
from tutti.player.queue import edit as edit_queue
from tutti.player.queue import get as get_queue
from tutti.player.queue import redo as redo_queue
from tutti.player.queue import undo as undo_queue
from tutti.player.rights import player_of, rights_here

__all__ = [
    "Device",
    "DeviceCannotPlay",
    "DeviceGone",
    "Devices",
    "History",
    "Item",
    "ItemGone",
    "NothingPlayable",
    "NothingToRedo",
    "NothingToUndo",
    "Played",
    "PlayerMoved",
    "Queue",
    "QueueChanged",
    "QueueEmpty",
    "QueueFull",
    "RightMissing",
    "SongsNotFound",
    "State",
    "add_output",
    "add_to_queue",
    "change_device",
    "change_player",
    "clear_queue",
    "due_at",
    "edit_queue",
    "export_person",
    "forget_commands",
    "forget_device",
    "forget_devices_of",
    "forget_orders",
    "forget_person",
    "forget_unseen_devices",
    "get_player",
    "get_queue",
    "history",
    "leave_device",
    "list_devices",
    "miss_silent_devices",
    "next_song",
    "opening",
    "pause",
    "play",
    "player_of",
    "previous_song",
    "redo_queue",
    "register_device",
    "remove_output",
    "report_device",
    "rights_here",
    "seek",
    "settle",
    "state_in",
    "transfer",
    "undo_queue",
    "versions",
]
