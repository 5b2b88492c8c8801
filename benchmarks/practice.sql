-- Appendices I and II of the second quarter of 2019, by unit, as practitioners count them: the last
-- word on each case, no history, no evidence. For PostgreSQL and DuckDB alike. practice.py makes the
-- views that it reads: cases, supplements and ratings, all of the exports, each with the day that told it.

-- appendix_1
with told as (
    select
        cases.*,
        row_number() over (partition by case_code order by told_on desc, changed_at desc) as place
    from cases
    where told_on <= date '2019-06-20'
), known as (
    select * from told where place = 1 and not is_cancelled and status not in ('1', '3')
), asked as (
    select
        supplements.*,
        row_number() over (
            partition by supplement_code order by told_on desc, changed_at desc
        ) as place
    from supplements
    where told_on <= date '2019-06-20'
), moved as (
    select
        case_code,
        due_at,
        row_number() over (partition by case_code order by requested_at desc) as place
    from asked
    where place = 1 and due_at is not null
), dated as (
    select
        known.unit_code,
        known.channel = '2' as is_online,
        known.status in ('7', '8') as is_returned,
        cast(known.received_at as date) as received,
        cast(coalesce(moved.due_at, known.due_at) as date) as due,
        cast(
            case
                when known.status in ('7', '8', '9', '10')
                    then coalesce(
                        known.finished_at, known.handed_over_at, cast(known.told_on as timestamp)
                    )
                else known.finished_at
            end as date
        ) as ended
    from known
    left join moved on known.case_code = moved.case_code and moved.place = 1
), marked as (
    select
        dated.*,
        received < date '2019-04-01' as is_carried,
        coalesce(ended < date '2019-04-01', false) as is_past,
        coalesce(ended between date '2019-04-01' and date '2019-06-15', false) as is_ended
    from dated
), counted as (
    select
        marked.*,
        received <= date '2019-06-15'
        and not (is_carried and is_past)
        and not (is_returned and (is_past or is_ended)) as counts
    from marked
)
select
    unit_code,
    count(*) filter (where counts and is_carried) as carried_over,
    count(*) filter (where counts and not is_carried) as newly_received,
    count(*) filter (where counts and is_ended and ended < due) as settled_early,
    count(*) filter (where counts and is_ended and (ended = due or due is null))
        as settled_on_time,
    count(*) filter (where counts and is_ended and ended > due) as settled_late,
    count(*) filter (
        where counts and not is_ended and not coalesce(due < date '2019-06-15', false)
    ) as in_progress_in_time,
    count(*) filter (where counts and not is_ended and due < date '2019-06-15')
        as in_progress_overdue,
    count(*) filter (where is_returned and is_ended) as returned,
    count(*) filter (where counts and is_online) as received_online
from counted
group by unit_code;

-- appendix_2
select
    unit_code,
    count(*) filter (where button = '1') as satisfied_service,
    count(*) filter (where button = '2') as satisfied_attitude,
    count(*) filter (where button = '3') as dissatisfied_competence,
    count(*) filter (where button = '4') as dissatisfied_time,
    count(*) filter (where button = '5') as comments
from (
    select distinct kiosk, counter, ticket, unit_code, pressed_at, button
    from ratings
    where
        told_on <= date '2019-06-20'
        and pressed_at >= timestamp '2019-04-01'
        and pressed_at < timestamp '2019-06-16'
) as presses
group by unit_code;
