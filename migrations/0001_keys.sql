create table virtual_key (
  key_id text primary key check (key_id ~ '^key_[0-9a-f]{32}$'),
  key_alias text unique check (key_alias <> ''),
  models text[] not null default '{}',
  aliases jsonb not null default '{}' check (jsonb_typeof(aliases) = 'object'),
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  tags text[] not null default '{}',
  user_id text,
  allowed_routes text[] not null default '{}',
  key_type text not null default 'default' check (key_type in ('default', 'llm_api', 'read_only')),
  allowed_ips text[] not null default '{}',
  blocked boolean not null default false,
  expires timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  created_by text not null
);

create index virtual_key_user_id on virtual_key (user_id);
create index virtual_key_created_at on virtual_key (created_at);

-- A key may have several secrets: the current one, which has no end of its own, and rotated ones in their grace period.
create table key_secret (
  hash text primary key check (hash ~ '^[0-9a-f]{64}$'),
  key_id text not null references virtual_key on delete cascade,
  last_four text not null,
  expires timestamptz,
  created_at timestamptz not null default now()
);

create unique index key_secret_current on key_secret (key_id) where expires is null;
create index key_secret_key_id on key_secret (key_id);

-- Apart from virtual_key, so that spending neither rewrites the key nor tells every replica that it changed. It
-- outlives the key and holds callers that have none (the master key, custom auth): no foreign key.
create table key_spend (
  key_id text primary key,
  spend numeric(38, 0) not null default 0
);

-- What changed lately. Replicas re-read the last seconds of it, since a notification can be lost.
create table change (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  key_id text not null,
  secret_hash text
);

create index change_at on change (at);

-- In triggers, so that no way of writing a key can forget to tell.
create function announce_change(changed_key text, changed_hash text) returns void language sql as $$
  insert into change (key_id, secret_hash) values (changed_key, changed_hash);
  select pg_notify('keyplane_change', json_build_object('key_id', changed_key, 'secret_hash', changed_hash)::text);
$$;

create function virtual_key_changed() returns trigger language plpgsql as $$
begin
  perform announce_change(new.key_id, null);
  return null;
end $$;

create function key_secret_changed() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' then
    perform announce_change(old.key_id, old.hash);
  end if;
  if tg_op <> 'DELETE' then
    perform announce_change(new.key_id, new.hash);
  end if;
  return null;
end $$;

-- Inserts and deletes of a key come with those of its secret, which name the hash.
create trigger virtual_key_changed after update on virtual_key
  for each row execute function virtual_key_changed();
create trigger key_secret_changed after insert or update or delete on key_secret
  for each row execute function key_secret_changed();
