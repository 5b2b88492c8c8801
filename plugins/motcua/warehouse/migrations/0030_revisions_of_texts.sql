-- Bands, remarks and units of time change like numbers, and a revised part explains a longer release
-- that was made before it.
alter table published.revisions
add column old_text text,
add column new_text text,
add column new_publication_id text references published.publications;
comment on table published.revisions is
    'Why a cell differs between releases: one row per cell and reason; differences sum to the change.'
    ' Exact, and finer than unit and period: for readers inside the Centre, not to be handed out.';
comment on column published.revisions.old_text is
    'A cell that is no number, in the old release; such a cell has no difference.';
comment on column published.revisions.new_publication_id is
    'The release that new_value is of. Another than publication_id in an overlap with a longer'
    ' release that stood already; nothing in rows of before this column: publication_id.';

create or replace view published.latest_revisions as
select t.*
from published.revisions as t
inner join (
    select
        p.period_code,
        max(p.revision) as revision
    from published.publications as p
    where p.publication_id not in (select w.publication_id from published.withdrawals as w)
    group by p.period_code
) as newest
    on t.publication_id = newest.period_code || '.r' || newest.revision;
