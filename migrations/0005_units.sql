-- What calls consume beside tokens: images, characters, milliseconds of audio, searches. Null where there is nothing of the kind.
alter table spend_log add column units jsonb;
