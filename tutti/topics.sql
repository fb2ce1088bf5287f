-- versions_of_topics
-- What a server compares with what it delivered, to find messages that were lost.
select topic, version from topics where topic = any(cast(:topics as text[]));
