-- Which database this is. A journal names it, so that what was spent here is never written down elsewhere.
create table installation (
  id uuid not null default gen_random_uuid(),
  is_only boolean primary key default true check (is_only)
);
insert into installation default values;

-- The processes that serve. What a replica holds of budgets lapses with its row.
create table replica (
  id uuid primary key,
  started_at timestamptz not null default now(),
  seen_at timestamptz not null default now(),
  expires_at timestamptz not null
);

-- What an owner may spend. A changed cap changes the row; another period is another budget, with windows of its own. None is
-- ever deleted: calls may still be in flight against it.
create table budget (
  id bigint generated always as identity primary key,
  owner_kind text not null check (owner_kind in ('key', 'custom')),
  owner_id text not null,
  -- Which of its owner's budgets it is: 'max_budget', 'limit' with its period, 'model' with the name of the model group.
  slot text not null,
  -- The model group that it is for; null for all.
  model text,
  -- Picodollars; null never refuses.
  cap numeric(38, 0) check (cap >= 0),
  soft_cap numeric(38, 0) check (soft_cap >= 0),
  temp_increase numeric(38, 0) not null default 0 check (temp_increase >= 0),
  temp_expires timestamptz,
  -- As it was given: '30d'. Null is one window without an end.
  duration text,
  -- How long a period is: that of the calendar, or so many seconds, or so many months.
  alignment text check (alignment in ('day', 'week', 'month')),
  period_seconds bigint check (period_seconds > 0),
  period_months int check (period_months > 0),
  created_at timestamptz not null default now(),
  retired_at timestamptz,
  check (num_nonnulls(alignment, period_seconds, period_months) = case when duration is null then 0 else 1 end)
);

create unique index budget_slot on budget (owner_kind, owner_id, slot) where retired_at is null;

-- A period of a budget, made when it is first used.
create table budget_window (
  id bigint generated always as identity primary key,
  budget_id bigint not null references budget,
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  spent numeric(38, 0) not null default 0 check (spent >= 0),
  unique (budget_id, starts_at)
);

-- Money of a window that a replica may spend without asking again. The sum over the replicas is what is held of the window;
-- nothing else stores it, so the two cannot differ.
create table allowance (
  window_id bigint not null references budget_window,
  replica_id uuid not null references replica on delete cascade,
  amount numeric(38, 0) not null check (amount >= 0),
  -- Grows with every change, so that of two answers the newer is known.
  version bigint not null,
  primary key (window_id, replica_id)
);

create index allowance_replica on allowance (replica_id);
create sequence allowance_version owned by allowance.version;

-- What changed a window's spent without being a call. Rows are only ever added.
create table adjustment (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  window_id bigint not null references budget_window,
  replica_id uuid,
  amount numeric(38, 0) not null,
  -- carried: spent before the budget existed; lost: held by a replica that died; found: what of that its journal accounts for
  reason text not null check (reason in ('carried', 'lost', 'found'))
);

create index adjustment_window on adjustment (window_id);
create index adjustment_replica on adjustment (replica_id) where replica_id is not null;

alter table spend_log
  add column windows bigint[] not null default '{}',
  drop constraint spend_log_status_check,
  add constraint spend_log_status_check check (status in ('success', 'failure', 'aborted', 'interrupted'));

alter table virtual_key
  add column rpm_limit bigint check (rpm_limit >= 0),
  add column tpm_limit bigint check (tpm_limit >= 0),
  add column max_parallel_requests bigint check (max_parallel_requests >= 0),
  add column model_rpm_limit jsonb not null default '{}' check (jsonb_typeof(model_rpm_limit) = 'object'),
  add column model_tpm_limit jsonb not null default '{}' check (jsonb_typeof(model_tpm_limit) = 'object');

create function budget_changed() returns trigger language plpgsql as $$
begin
  if new.owner_kind = 'key' then
    perform announce_change(new.owner_id, null);
  end if;
  return null;
end $$;

create trigger budget_changed after insert or update on budget
  for each row execute function budget_changed();

-- The period that holds a moment: the calendar's in a time zone, or the n-th of a fixed length since the budget was made.
create function budget_period(
  budget budget, at timestamptz, zone text, out starts_at timestamptz, out ends_at timestamptz
) language plpgsql stable as $$
declare
  today timestamp := at at time zone zone;
  unit interval;
  began timestamp := budget.created_at at time zone 'utc';
  n bigint;
begin
  if budget.alignment is not null then
    unit := ('1 ' || budget.alignment)::interval;
    today := date_trunc(budget.alignment, today);
    -- Where clocks are put back over midnight a day has two. It begins with the later one: until then it is still the day before.
    if today at time zone zone > at then
      today := today - unit;
    end if;
    starts_at := today at time zone zone;
    ends_at := (today + unit) at time zone zone;
  elsif budget.period_seconds is not null then
    n := floor(extract(epoch from at - budget.created_at) / budget.period_seconds);
    starts_at := budget.created_at + make_interval(secs => n * budget.period_seconds);
    ends_at := starts_at + make_interval(secs => budget.period_seconds);
  elsif budget.period_months is not null then
    -- Counted from the beginning each time, or a month that was cut to its last day would shorten all that follow.
    n := (extract(year from at at time zone 'utc') - extract(year from began)) * 12
       + extract(month from at at time zone 'utc') - extract(month from began);
    n := n / budget.period_months;
    if (began + make_interval(months => (n * budget.period_months)::int)) at time zone 'utc' > at then
      n := n - 1;
    end if;
    starts_at := (began + make_interval(months => (n * budget.period_months)::int)) at time zone 'utc';
    ends_at := (began + make_interval(months => ((n + 1) * budget.period_months)::int)) at time zone 'utc';
  else
    starts_at := budget.created_at;
    ends_at := 'infinity';
  end if;
end $$;

-- The window that a budget is in, made if nobody has used it yet, and locked. A budget without an end begins with what its
-- owner had spent before, since that is what a cap on all of it means.
create function current_window(budget budget, zone text) returns budget_window language plpgsql as $$
declare
  period record;
  this_window budget_window;
  carried numeric := 0;
begin
  select * into period from budget_period(budget, now(), zone);
  if not exists (select from budget_window w where w.budget_id = budget.id and w.starts_at = period.starts_at) then
    if budget.duration is null and budget.model is null then
      select coalesce(sum(k.spend), 0) into carried from key_spend k where k.key_id = budget.owner_id;
    end if;
    insert into budget_window (budget_id, starts_at, ends_at, spent)
    values (budget.id, period.starts_at, period.ends_at, carried)
    on conflict do nothing
    returning * into this_window;
    if this_window.id is not null and carried > 0 then
      insert into adjustment (window_id, amount, reason) values (this_window.id, carried, 'carried');
    end if;
  end if;
  select * into this_window from budget_window w
   where w.budget_id = budget.id and w.starts_at = period.starts_at for update;
  return this_window;
end $$;

-- Adds to a replica's allowances what the budgets still have: of each what is needed, and up to what is wanted as far as that
-- leaves as much to the others. Grants less than is needed when less remains.
--
-- The lock on the window makes replicas queue, so that two cannot both take the last cent; windows are locked in the order
-- of their budgets, so that two carves for several cannot wait for each other. One that is refused asks the others for what
-- they do not use.
create function carve(carves jsonb, replica uuid, zone text)
  returns table (
    budget_id bigint, window_id bigint, ends_in_ms float8, granted numeric, amount numeric, version bigint,
    spent numeric, held numeric, cap numeric
  )
  language plpgsql as $$
#variable_conflict use_variable
declare
  wanted record;
  this_budget budget;
  this_window budget_window;
  replicas int;
  free numeric;
begin
  select count(*) into replicas from replica r where r.seen_at > now() - interval '15 seconds';
  for wanted in
    select c.budget_id, c.need, c.want from jsonb_to_recordset(carves) as c (budget_id bigint, need numeric, want numeric)
     order by c.budget_id
  loop
    select * into this_budget from budget b where b.id = wanted.budget_id and b.retired_at is null;
    continue when not found;
    this_window := current_window(this_budget, zone);
    budget_id := this_budget.id;
    window_id := this_window.id;
    ends_in_ms := case when this_window.ends_at < 'infinity' then extract(epoch from this_window.ends_at - now()) * 1000 end;
    spent := this_window.spent;
    cap := this_budget.cap + case when this_budget.temp_expires > now() then this_budget.temp_increase else 0 end;
    select coalesce(sum(a.amount), 0) into held from allowance a where a.window_id = this_window.id;
    free := greatest(0, cap - spent - held);
    granted := case
      when cap is null then greatest(wanted.need, wanted.want)
      else least(free, greatest(wanted.need, least(wanted.want, div(free, 2 * greatest(replicas, 1)))))
    end;
    if granted > 0 then
      insert into allowance as a (window_id, replica_id, amount, version)
      values (this_window.id, replica, granted, nextval('allowance_version'))
      on conflict on constraint allowance_pkey do update
        set amount = a.amount + excluded.amount, version = excluded.version;
    end if;
    select a.amount, a.version into amount, version from allowance a
     where a.window_id = this_window.id and a.replica_id = replica;
    held := held + granted;
    if granted < wanted.need and held > 0 then
      perform pg_notify('keyplane_recall', this_window.id::text);
    end if;
    return next;
  end loop;
end $$;
