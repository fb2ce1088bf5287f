-- One socket speaks for a session and its device; a newer one takes the place over, on whichever server it is.
-- It only adds, so older code goes on beside it.
alter table sessions
    -- The socket; null when it has left in good order. A server that was killed leaves its sockets' ids behind.
    add column socket_id uuid,
    -- When it was opened: who opened earlier takes no place over, however late his word arrives.
    add column socket_opened_at timestamptz;

-- A device that is registered through another session leaves the one that spoke for it.
create index sessions_device on sessions (device_id) where ended_at is null;
