"""What can go wrong with an upload, each in a sentence that says what to do."""

from tutti.errors import (
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    StorageFull,
    TooLarge,
    TooMany,
    Unusable,
)
from tutti.text import _


class BadFileName(Invalid):
    """A name that is a path, or no name at all."""

    sentence = _("This file name cannot be used; please send the file's own name, without folders.")


class GuestsDoNotUpload(Forbidden):
    """Guests play their host's music."""

    sentence = _("Guests cannot add music. Ask your host to invite you as a member.")


class EmptyFile(Invalid):
    """Nothing to upload."""

    sentence = _("This file is empty.")


class FileTooLarge(TooLarge):
    """Beyond UPLOAD_MAX_BYTES; `limit` in bytes."""

    sentence = _("This file is larger than this server takes.")


class QuotaUsedUp(StorageFull):
    """The person's own room is used up; `limit` and `used` in bytes, unfinished uploads counted."""

    sentence = _("Your room for music is used up. Deleting songs or unfinished uploads makes room.")


class TooManyUploads(TooMany):
    """Too many unfinished uploads, or too many chunks at the same time."""

    sentence = _("Too many uploads at the same time; please let some of them finish first.")


class NoSuchUpload(NotFound):
    """No upload of this person has this id."""

    sentence = _("There is no such upload, or it is not yours.")


class NoSuchChunk(Invalid):
    """The chunk's number is out of range; `totalChunks` says how many there are."""

    sentence = _("This upload has {total_chunks} pieces, numbered from 0; there is no number {index}.")


class WrongLength(Invalid):
    """The chunk is shorter than its place; `expected` and `received` in bytes."""

    sentence = _("This piece should have {expected} bytes, but {received} arrived. Please send it again.")


class ChunkTooLarge(TooLarge):
    """The chunk is longer than its place; `expected` in bytes."""

    sentence = _("This piece is longer than the {expected} bytes it should have.")


class WrongChunkDigest(Invalid):
    """The body is not what Content-Digest promised; nothing is kept."""

    sentence = _("This piece was damaged on its way (its SHA-256 differs). Please send it again.")


class OtherBytes(Conflict):
    """This chunk has arrived before, with other bytes; what is acknowledged never changes."""

    sentence = _("This piece has already arrived, with other content. Is it another file of the same name?")


class ChunkBusy(Conflict):
    """Another request is receiving the same chunk just now."""

    sentence = _("This piece is being received already.")


class ChunksMissing(Conflict):
    """Completing needs every chunk; `missing` has the numbers (at most 1,000 of them)."""

    sentence = _("Some pieces have not arrived yet; please send them, then complete again.")


class UploadClosed(Conflict):
    """The upload takes no more bytes; `status` says why."""

    sentence = _("This upload takes no more bytes; it is {status}.")


class OtherProtocol(Conflict):
    """An upload is used by the one protocol it was begun with."""

    sentence = _("This upload was begun in another way; please go on in the same way, or begin a new one.")


class UploadOver(Gone):
    """Cancelled, or without a chunk for too long."""

    sentence = _("This upload is over ({status}). Please start it again.")


class WrongDigest(Unusable):
    """What arrived is not what was promised or acknowledged."""

    sentence = _("The file that arrived is not the one that was announced; please upload it again.")


class BytesLost(Unusable):
    """The row is there, its bytes are not (F13)."""

    sentence = _("The uploaded bytes were lost on this server; please upload the file again.")


class GaveUp(Unusable):
    """Every attempt to take the file in failed (F20)."""

    sentence = _("This file could not be taken in, even after several attempts.")
