"""Identity: who somebody is, through which sign-in he asks, and what he may do.

People sign in with a password (Argon2id) and get a session: one row, read by key on every request, so that
ending it ends everything at once. A browser holds its token in a cookie; a program holds an access token
(ES256, 10 minutes) and a refresh token that is replaced at each use. Only hashes of tokens are stored. Rights
on things are rows of `grants(subject, resource, right)`; identity knows no player, song or venue.

Tables: users, sessions, refresh_tokens, grants, signing_keys, setup_codes, letters, sign_in_failures,
known_devices, socket_tickets, guest_invitations, security_events, idempotency_keys.
Events: `session.ended` on session(id) closes that session's sockets everywhere, `device.taken` all but the
newest of them; `session.changed` and `guests.changed` on person(id).
"""

from tutti.identity.audit import SecurityEvent, SecurityEvents, events
from tutti.identity.audit import record as record_event
from tutti.identity.grants import allowed, grant, rights_on, ungrant
from tutti.identity.guests import (
    MOST_USES,
    OWN,
    Guest,
    Guests,
    GuestsCannotInvite,
    GuestsPresent,
    Invitation,
    InvitationOver,
    NoPlayerYet,
    NotYourPlayer,
    Welcome,
    end_invitations,
    invite,
    join,
    join_in_browser,
    put_out,
    waiting_invitation,
)
from tutti.identity.guests import list as list_guests
from tutti.identity.idempotency import KeyInUse, OtherRequest, answered_before, forget_answer, keep_answer
from tutti.identity.jobs import rotate_keys, send_letter, sweep
from tutti.identity.keys import jwks
from tutti.identity.letters import (
    Confirmed,
    LetterOnItsWay,
    ProofNeeded,
    RegistrationClosed,
    confirm_email,
    register,
    verify_email,
    waiting_link,
)
from tutti.identity.links import LinkExpired, WaitingLink
from tutti.identity.model import DeviceInfo, player_resource, user_subject
from tutti.identity.news import DeviceTaken, SessionEnded, SessionsChanged
from tutti.identity.password import change_password, forgot_password, reset_password
from tutti.identity.people import AddressTaken, Me, add_user, audiences_of, person_by_address
from tutti.identity.people import change as change_me
from tutti.identity.people import get as get_me
from tutti.identity.places import bind_device, leave_place, take_place
from tutti.identity.recognition import (
    Identified,
    session_of_access_token,
    session_of_cookie,
    session_still_open,
)
from tutti.identity.sessions import Session, Sessions, end_others, still_live
from tutti.identity.sessions import end as end_session
from tutti.identity.sessions import list as list_sessions
from tutti.identity.setup import (
    AddressInUse,
    AlreadySetUp,
    WrongSetupCode,
    administrator,
    needs_setup,
    set_up_in_browser,
    setup_code,
)
from tutti.identity.sign_in import (
    BrowserSession,
    WrongCredentials,
    WrongPassword,
    login,
    logout,
    open_browser_session,
    open_program_session,
    sign_in_browser,
)
from tutti.identity.tickets import SocketTicket, redeem_ticket, ticket
from tutti.identity.tokens import RefreshRefused, RefreshReused, SignedIn, TokenPair, refresh

__all__ = [
    "MOST_USES",
    "OWN",
    "AddressInUse",
    "AddressTaken",
    "AlreadySetUp",
    "BrowserSession",
    "Confirmed",
    "DeviceInfo",
    "DeviceTaken",
    "Guest",
    "Guests",
    "GuestsCannotInvite",
    "GuestsPresent",
    "Identified",
    "Invitation",
    "InvitationOver",
    "KeyInUse",
    "LetterOnItsWay",
    "LinkExpired",
    "Me",
    "NoPlayerYet",
    "NotYourPlayer",
    "OtherRequest",
    "ProofNeeded",
    "RefreshRefused",
    "RefreshReused",
    "RegistrationClosed",
    "SecurityEvent",
    "SecurityEvents",
    "Session",
    "SessionEnded",
    "Sessions",
    "SessionsChanged",
    "SignedIn",
    "SocketTicket",
    "TokenPair",
    "WaitingLink",
    "Welcome",
    "WrongCredentials",
    "WrongPassword",
    "WrongSetupCode",
    "add_user",
    "administrator",
    "allowed",
    "answered_before",
    "audiences_of",
    "bind_device",
    "change_me",
    "change_password",
    "confirm_email",
    "end_invitations",
    "end_others",
    "end_session",
    "events",
    "forget_answer",
    "forgot_password",
    "get_me",
    "grant",
    "invite",
    "join",
    "join_in_browser",
    "jwks",
    "keep_answer",
    "leave_place",
    "list_guests",
    "list_sessions",
    "login",
    "logout",
    "needs_setup",
    "open_browser_session",
    "open_program_session",
    "person_by_address",
    "player_resource",
    "put_out",
    "record_event",
    "redeem_ticket",
    "refresh",
    "register",
    "reset_password",
    "rights_on",
    "rotate_keys",
    "send_letter",
    "session_of_access_token",
    "session_of_cookie",
    "session_still_open",
    "set_up_in_browser",
    "setup_code",
    "sign_in_browser",
    "still_live",
    "sweep",
    "take_place",
    "ticket",
    "ungrant",
    "user_subject",
    "verify_email",
    "waiting_invitation",
    "waiting_link",
]
