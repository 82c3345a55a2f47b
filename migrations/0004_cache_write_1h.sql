-- Tokens written to a cache for an hour: Anthropic charges more for them than for the five minutes of cache_write_tokens.
alter table spend_log add column cache_write_1h_tokens bigint;
