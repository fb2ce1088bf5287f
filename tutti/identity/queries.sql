-- add_person
-- A new row in users, unless the address already belongs to somebody.
insert into users (id, name, email, email_confirmed_at, role, host_id, password_hash, password_changed_at, language,
                   created_at, updated_at)
values (:id, :name, :email, :email_confirmed_at, :role, :host_id, cast(:password_hash as text),
        case when cast(:password_hash as text) is null then null else cast(:now as timestamptz) end, :language,
        :now, :now)
on conflict (lower(email)) do nothing
returning id, name, email, email_confirmed_at, role, host_id, language, created_at;

-- user_by_id
-- A person, as long as nobody has disabled him.
select id, name, email, email_confirmed_at, role, host_id, language, created_at
from users where id = :id and disabled_at is null;

-- login_by_address
-- What a sign-in is checked against.
select id, password_hash from users where lower(email) = lower(:email) and disabled_at is null and role <> 'guest';

-- login_by_id
-- The same for somebody who is signed in and proves it again.
select id, password_hash from users where id = :id and disabled_at is null and role <> 'guest';

-- address_is_taken
-- Whether somebody (disabled or not) has this address.
select exists (select from users where lower(email) = lower(:email));

-- has_administrator
-- Whether the first administrator has been made.
select exists (select from users where role = 'admin');

-- change_person
-- Name and language; null leaves the old value.
update users set name = coalesce(:name, name), language = coalesce(:language, language), updated_at = :now
where id = :id
returning id, name, email, email_confirmed_at, role, host_id, language, created_at;

-- set_password
-- A new password; the session that set it, if any, counts as freshly proven elsewhere.
update users set password_hash = :password_hash, password_changed_at = :now, updated_at = :now where id = :id;

-- keep_better_hash
-- The same password under today's parameters, unless it was changed meanwhile.
update users set password_hash = :password_hash where id = :id and password_hash = :former;

-- confirm_address
-- The address is this person's now, unless it became somebody else's meanwhile.
update users set email = :email, email_confirmed_at = :now, updated_at = :now
where id = :id and not exists (select from users where lower(email) = lower(:email) and id <> :id);

-- address_is_proven
-- A link that was mailed to the person's own address has come back.
update users set email_confirmed_at = coalesce(email_confirmed_at, :now)
where id = :id and lower(email) = lower(:email);

-- disable_guest
-- Put out for good: his row stays, because songs in the queue still carry his name.
update users set disabled_at = :now, updated_at = :now
where id = :id and host_id = :host_id and disabled_at is null
returning name;

-- add_session
-- A sign-in.
insert into sessions (id, user_id, kind, token_hash, refresh_key, player_id, device_info, ip_address, user_agent,
                      authenticated_at, last_activity, created_at, expires_at, absolute_expires_at)
values (:id, :user_id, :kind, :token_hash, :refresh_key, :player_id, :device_info, :ip_address, :user_agent,
        :now, :now, :now, :expires_at, :absolute_expires_at);

-- session_of_cookie
-- Who this cookie is; one read by key.
select id, kind, player_id, device_id, authenticated_at, user_id, name, email, role, host_id,
       last_activity < cast(:now as timestamptz) - cast(:step as interval) as is_stale
from open_sessions where token_hash = :token_hash and expires_at > :now;

-- session_by_id
-- Whether a session that was recognised before still counts, and as whose.
select id, kind, player_id, device_id, authenticated_at, user_id, name, email, role, host_id,
       last_activity < cast(:now as timestamptz) - cast(:step as interval) as is_stale
from open_sessions where id = :id and expires_at > :now;

-- session_of_access_token
-- Who this token claims to be, with the key that proves it and whether its refresh token is known to have arrived.
select s.id, s.kind, s.player_id, s.device_id, s.authenticated_at, s.user_id, s.name, s.email, s.role, s.host_id,
       s.last_activity < cast(:now as timestamptz) - cast(:step as interval) as is_stale,
       k.public_key, g.generation is not null and g.confirmed_at is null as is_unconfirmed
from open_sessions s
join signing_keys k on k.kid = :kid and (k.retired_at is null or k.retired_at > cast(:now as timestamptz) - interval '24 hours')
left join refresh_tokens g on g.session_id = s.id and g.generation = :generation
where s.id = :session_id and s.expires_at > :now;

-- session_of_ticket
-- Who this socket ticket is; using it up is the same statement.
with used as (delete from socket_tickets where token_hash = :token_hash returning session_id, expires_at)
select s.id, s.kind, s.player_id, s.device_id, s.authenticated_at, s.user_id, s.name, s.email, s.role, s.host_id,
       true as is_stale
from used join open_sessions s on s.id = used.session_id
where used.expires_at > :now and s.expires_at > :now;

-- add_ticket
-- A key to one socket, for half a minute.
insert into socket_tickets (token_hash, session_id, expires_at) values (:token_hash, :session_id, :expires_at);

-- touch_session
-- It is in use: seen now, and so much longer until it ends by itself.
update sessions set last_activity = :now, ip_address = coalesce(:ip_address, ip_address),
    expires_at = least(absolute_expires_at, greatest(expires_at, cast(:now as timestamptz) + cast(:idle as interval)))
where id = :id and ended_at is null and kind <> 'guest';

-- touch_guest_session
-- The same for a guest, whose session ends at a fixed time.
update sessions set last_activity = :now, ip_address = coalesce(:ip_address, ip_address)
where id = :id and ended_at is null and kind = 'guest';

-- still_live
-- Which of these sessions still count; those with an open socket are in use.
with live as (
    select o.id, o.last_activity, s.socket_id from open_sessions o join sessions s on s.id = o.id
    where o.id = any(cast(:ids as uuid[])) and o.expires_at > :now
), touched as (
    update sessions s set last_activity = :now,
        expires_at = case when s.kind = 'guest' then s.expires_at
                     else least(s.absolute_expires_at, greatest(s.expires_at, cast(:now as timestamptz) + cast(:idle as interval))) end
    from live where live.id = s.id and live.last_activity < cast(:now as timestamptz) - cast(:step as interval)
)
select live.id, live.socket_id from live;

-- sessions_of_person
-- His sign-ins that still count, the most recently used first.
select id, device_info, ip_address, user_agent, last_activity, created_at, kind
from sessions where user_id = :user_id and ended_at is null and expires_at > :now
order by last_activity desc, id desc;

-- end_sessions
-- End one, all but one, or all sessions of a person, with their refresh tokens, in one statement.
with ended as (
    update sessions set ended_at = :now, ended_because = :because
    where user_id = :user_id and ended_at is null
      and (cast(:only as uuid) is null or id = cast(:only as uuid))
      and (cast(:keep as uuid) is null or id <> cast(:keep as uuid))
    returning id
), revoked as (
    update refresh_tokens set is_revoked = true where session_id in (select id from ended)
)
select id from ended;

-- bind_device
-- The device this session speaks for.
update sessions set device_id = :device_id where id = :id and ended_at is null;

-- unbind_device
-- Other sessions speak for this device no more, and none of their sockets does.
update sessions set device_id = null, socket_id = null
where device_id = :device_id and id <> :keep and ended_at is null
returning id;

-- lock_place
-- Which socket speaks for a session's device, held until the commit: two that come at once take turns.
select device_id, socket_id, socket_opened_at, clock_timestamp() as read_at
from sessions where id = :id and ended_at is null for update;

-- take_place
-- From now on this one does.
update sessions set socket_id = :socket_id, socket_opened_at = :opened_at where id = :id;

-- leave_place
-- From now on none does, unless another one does already.
update sessions set socket_id = null where id = :id and coalesce(socket_id, :socket_id) = :socket_id;

-- session_is_proven
-- The person has just proven again who he is.
update sessions set authenticated_at = :now where id = :id;

-- renewing_session
-- A session whose refresh token was shown, locked: parallel refreshes take turns.
select s.id, s.user_id, s.refresh_key, s.kind, s.ended_at, s.expires_at
from sessions s where s.id = :id and s.refresh_key is not null for update;

-- generations
-- The shown generation and the one after it.
select generation, expires_at, replaced_at, confirmed_at, is_revoked
from refresh_tokens where session_id = :session_id and generation in (cast(:generation as bigint), cast(:generation as bigint) + 1)
order by generation;

-- add_generation
-- The next refresh token of a session.
insert into refresh_tokens (id, user_id, session_id, generation, token_hash, expires_at, created_at)
values (:id, :user_id, :session_id, :generation, :token_hash, :expires_at, :now);

-- replace_generation
-- The shown token has arrived and has a successor now.
update refresh_tokens set replaced_at = :now, confirmed_at = coalesce(confirmed_at, :now)
where session_id = :session_id and generation = :generation and replaced_at is null and not is_revoked;

-- confirm_generation
-- Its access token or itself was seen once.
update refresh_tokens set confirmed_at = :now
where session_id = :session_id and generation = :generation and confirmed_at is null;

-- drop_generations
-- Tokens replaced so long ago that showing one can only mean reuse, row or no row.
delete from refresh_tokens where session_id = :session_id and replaced_at < cast(:now as timestamptz) - cast(:grace as interval);

-- token_row_matches
-- Whether the hash on file is this token's.
select exists (select from refresh_tokens where session_id = :session_id and generation = :generation
               and token_hash = :token_hash);

-- add_signing_key
-- A key pair for access tokens.
insert into signing_keys (kid, public_key, private_key, created_at) values (:kid, :public_key, :private_key, :now);

-- signing_keys
-- The keys that still verify, the one that signs first.
select kid, public_key, private_key, created_at, retired_at from signing_keys
where retired_at is null or retired_at > cast(:now as timestamptz) - interval '24 hours'
order by (retired_at is null) desc, created_at desc, kid;

-- retire_keys
-- All but this one sign no longer.
update signing_keys set retired_at = :now where kid <> :kid and retired_at is null;

-- drop_retired_keys
-- No token of theirs can be in time any more.
delete from signing_keys where retired_at <= cast(:now as timestamptz) - interval '24 hours';

-- put_setup_code
-- The newest code counts.
insert into setup_codes (code_hash, created_at) values (:code_hash, :now)
on conflict (only_one) do update set code_hash = excluded.code_hash, created_at = excluded.created_at;

-- lock_setup_code
-- The code, held until this transaction ends: only one can be the first administrator.
select code_hash from setup_codes for update;

-- drop_setup_code
-- Used up, or not needed any more.
delete from setup_codes;

-- failures
-- The row of failures that have one thing in common, locked; made when it is missing or forgotten.
insert into sign_in_failures as f (scope, key, since, updated_at) values (:scope, :key, :now, :now)
on conflict (scope, key) do update set
    failures = case when f.updated_at < cast(:now as timestamptz) - cast(:forgotten as interval) then 0 else f.failures end,
    updated_at = f.updated_at
returning scope, failures, since, blocked_until;

-- put_failures
-- What follows from one failure more.
update sign_in_failures set failures = :failures, since = :since, blocked_until = :blocked_until, updated_at = :now
where scope = :scope and key = :key;

-- forget_failures
-- The row ends in a success.
delete from sign_in_failures where scope = :scope and key = :key;

-- take_back_failure
-- A try that was counted beforehand turned out well; the others of this network stay counted.
update sign_in_failures set failures = greatest(failures - 1, 0),
    blocked_until = case when failures - 1 < :limit then null else blocked_until end
where scope = :scope and key = :key;

-- knows_device
-- Whether this person has signed in from this browser before.
select exists (select from known_devices where token_hash = :token_hash and user_id = :user_id);

-- know_device
-- He has.
insert into known_devices (token_hash, user_id, created_at, last_used_at) values (:token_hash, :user_id, :now, :now)
on conflict (token_hash) do update set last_used_at = excluded.last_used_at
where known_devices.user_id = excluded.user_id;

-- forget_devices
-- A changed password makes every browser a stranger's again.
delete from known_devices where user_id = :user_id;

-- add_letter
-- A letter that is to be written.
insert into letters (id, purpose, address, user_id, name, password_hash, language, token_hash, created_at, expires_at)
values (:id, :purpose, :address, :user_id, :name, :password_hash, :language, :token_hash, :now, :expires_at);

-- letter_was_just_written
-- Whether the same letter to the same address is younger than a minute.
select exists (select from letters where lower(address) = lower(:address) and purpose = any(cast(:purposes as text[]))
               and created_at > cast(:now as timestamptz) - cast(:again as interval));

-- void_letters
-- A newer link makes the older ones worthless.
update letters set used_at = :now
where user_id = :user_id and purpose = :purpose and used_at is null and token_hash is not null;

-- letter
-- What the letter says, for the job that sends it.
select l.id, l.purpose, l.address, l.user_id, coalesce(l.name, u.name) as name, coalesce(l.language, u.language) as language,
       l.expires_at, l.used_at, l.sent_at, l.created_at
from letters l left join users u on u.id = l.user_id where l.id = :id;

-- letter_is_sent
-- It left this server.
update letters set sent_at = :now where id = :id;

-- letter_is_refused
-- The other side will not have it; nobody tries again.
update letters set refused_at = :now, refusal = :refusal where id = :id;

-- waiting_link
-- What a link leads to, without using it.
select id, purpose, address, user_id, name, password_hash, language from letters
where token_hash = :token_hash and used_at is null and expires_at > :now;

-- use_link
-- Use a link, once.
update letters set used_at = :now
where token_hash = :token_hash and used_at is null and expires_at > :now and purpose = any(cast(:purposes as text[]))
returning id, purpose, address, user_id, name, password_hash, language;

-- forget_waiting_passwords
-- Whatever else waited to become an account at this address will not.
update letters set used_at = coalesce(used_at, :now), password_hash = null
where lower(address) = lower(:address) and purpose = 'register';

-- add_grant
-- Somebody may do something with something.
insert into grants (subject, resource, "right", granted_by, created_at)
values (:subject, :resource, :right, :granted_by, :now) on conflict do nothing;

-- drop_grant
-- He may not any more.
delete from grants where subject = :subject and resource = :resource and "right" = :right;

-- drop_grants_of_subject
-- He may do nothing any more.
delete from grants where subject = :subject;

-- is_granted
-- Whether he may.
select exists (select from grants where subject = :subject and resource = :resource and "right" = :right);

-- rights_on
-- All he may do with it.
select "right" from grants where subject = :subject and resource = :resource order by "right";

-- resources_with_right
-- All with which he may do this.
select resource from grants where subject = :subject and "right" = :right and starts_with(resource, :prefix)
order by created_at, resource;

-- add_invitation
-- A way onto somebody's player.
insert into guest_invitations (id, host_id, player_id, rights, token_hash, uses_left, created_at, expires_at)
values (:id, :host_id, :player_id, :rights, :token_hash, :uses_left, :now, :expires_at);

-- waiting_invitation
-- What an invitation leads to, without using it.
select i.id, i.host_id, i.player_id, i.rights, h.name as host_name
from guest_invitations i join users h on h.id = i.host_id and h.disabled_at is null
where i.token_hash = :token_hash and i.uses_left > 0 and i.expires_at > :now;

-- use_invitation
-- Let one guest in.
update guest_invitations i set uses_left = uses_left - 1 from users h
where h.id = i.host_id and h.disabled_at is null
  and i.token_hash = :token_hash and i.uses_left > 0 and i.expires_at > :now
returning i.id, i.host_id, i.player_id, i.rights, h.name as host_name;

-- end_invitations
-- Nobody comes in by the host's invitations any more.
update guest_invitations set uses_left = 0 where host_id = :host_id and uses_left > 0;

-- guests_of_host
-- Who is on the host's players now.
select u.id, u.name, s.player_id, s.last_activity, u.created_at,
       coalesce((select array_agg(g."right" order by g."right") from grants g
                 where g.subject = 'user:' || u.id and g.resource = 'player:' || s.player_id), '{}') as rights
from users u
join lateral (select player_id, last_activity from sessions where user_id = u.id and ended_at is null
              and expires_at > :now order by last_activity desc limit 1) s on true
where u.host_id = :host_id and u.disabled_at is null
order by u.created_at, u.id;

-- add_event
-- What happened to an account; never changed afterwards.
insert into security_events (id, at, user_id, actor_id, session_id, action, target, result, ip_address, user_agent, details)
values (:id, :now, :user_id, :actor_id, :session_id, :action, :target, :result, :ip_address, :user_agent, :details);

-- events_of_person
-- What happened to his account, newest first.
select id, at, session_id, action, target, result, ip_address, user_agent from security_events
where user_id = :user_id and (cast(:before as uuid) is null or id < cast(:before as uuid))
order by id desc limit :limit;

-- sweep_letters
-- Links that lead nowhere any more.
delete from letters where expires_at < cast(:now as timestamptz) - interval '7 days';

-- sweep_sessions
-- Sign-ins that ended long ago, with their refresh tokens.
delete from sessions where least(expires_at, ended_at) < cast(:now as timestamptz) - interval '30 days';

-- sweep_tickets
-- Tickets nobody used.
delete from socket_tickets where expires_at < :now;

-- sweep_failures
-- Failures so old that they are forgotten.
delete from sign_in_failures where updated_at < cast(:now as timestamptz) - interval '2 days';

-- sweep_devices
-- Browsers not seen for half a year.
delete from known_devices where last_used_at < cast(:now as timestamptz) - interval '180 days';

-- sweep_invitations
-- Invitations that are over.
delete from guest_invitations where expires_at < cast(:now as timestamptz) - interval '7 days';

-- sweep_idempotency_keys
-- Answers nobody asks for again.
delete from idempotency_keys where created_at < cast(:now as timestamptz) - interval '24 hours';

-- sweep_events
-- The record is kept for one year.
delete from security_events where at < cast(:now as timestamptz) - interval '1 year';

-- claim_key
-- The first to send a key carries the request out; a first one that died with its server is taken over.
insert into idempotency_keys as k (user_id, route, key, request_hash, created_at)
values (:user_id, :route, :key, :request_hash, :now)
on conflict (user_id, route, key) do update set request_hash = excluded.request_hash, created_at = excluded.created_at,
    answered_at = null, answer = null
where (k.answered_at is null and k.created_at < cast(:now as timestamptz) - cast(:patience as interval))
   or k.created_at < cast(:now as timestamptz) - interval '24 hours'
returning true;

-- claimed_key
-- What became of the first request with this key.
select request_hash, answered_at, answer from idempotency_keys
where user_id = :user_id and route = :route and key = :key;

-- keep_answer
-- The answer, in the commit that made it true.
update idempotency_keys set answered_at = :now, answer = :answer
where user_id = :user_id and route = :route and key = :key;

-- forget_key
-- The request failed: nothing happened, so it may be sent again.
delete from idempotency_keys where user_id = :user_id and route = :route and key = :key and answered_at is null;
