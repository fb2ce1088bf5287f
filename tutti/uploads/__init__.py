"""Uploads: a file on its way from somebody's device to a song.

A person begins an upload and sends its chunks in any order, in parallel and again after a break; each is
leased while it is received, streamed to its place, and acknowledged once it is safe. Completing hands the
whole to a worker, which verifies, recognises and renames it, and makes song and search rows in one commit. Or
the bytes come in one request to a signed URL; or from a folder on the server's own disk.

Tables: upload_sessions, upload_chunks. Event: `upload.progress` on person(id).
"""

from tutti.uploads import receiving
from tutti.uploads.commands import cancel, complete, get, init, presigned_url, unfinished
from tutti.uploads.importing import Imported, import_file, import_folder
from tutti.uploads.jobs import ingest
from tutti.uploads.model import ChunkAnswer, Progress, UploadState
from tutti.uploads.person import export_person, forget_person, running
from tutti.uploads.sweeping import tidy

__all__ = [
    "ChunkAnswer",
    "Imported",
    "Progress",
    "UploadState",
    "cancel",
    "complete",
    "export_person",
    "forget_person",
    "get",
    "import_file",
    "import_folder",
    "ingest",
    "init",
    "presigned_url",
    "receiving",
    "running",
    "tidy",
    "unfinished",
]
