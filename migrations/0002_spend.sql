-- Unit prices that calls were charged at, in picodollars: once for all the rows that share them, and never changed. The
-- id is the hash of the rest.
create table rate_card (
  id text primary key,
  source text not null,
  rates jsonb not null
);

-- One row per upstream attempt. The id is a UUIDv7, so a range of ids is a range of time: partitions by id keep the
-- primary key global, and dropping a partition is retention.
create table spend_log (
  id uuid primary key,
  request_id text not null,
  key_id text not null,
  user_id text,
  tags text[] not null default '{}',
  model text not null,
  model_group text not null,
  deployment text not null,
  upstream_model text not null,
  cost numeric(38, 0),
  rate_card text references rate_card,
  input_tokens bigint,
  cache_read_tokens bigint,
  cache_write_tokens bigint,
  input_audio_tokens bigint,
  output_tokens bigint,
  reasoning_tokens bigint,
  output_audio_tokens bigint,
  status text not null check (status in ('success', 'failure', 'aborted')),
  error_code text,
  estimated boolean not null,
  streamed boolean not null,
  started_at timestamptz not null,
  ended_at timestamptz not null,
  check (cost >= 0)
) partition by range (id);

create index spend_log_key on spend_log (key_id, id);
create index spend_log_user on spend_log (user_id, id) where user_id is not null;
create index spend_log_request on spend_log (request_id);

-- Sums of spend_log by UTC day, so that reports never scan rows.
create table spend_daily (
  day date not null,
  owner_kind text not null check (owner_kind in ('key', 'user', 'model', 'tag')),
  owner_id text not null,
  spend numeric(38, 0) not null,
  calls bigint not null,
  failed_calls bigint not null,
  unpriced_calls bigint not null,
  input_tokens numeric(38, 0) not null,
  output_tokens numeric(38, 0) not null,
  primary key (day, owner_kind, owner_id)
);
