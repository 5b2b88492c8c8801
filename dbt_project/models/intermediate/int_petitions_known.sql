-- Petitions as known on the period's day.

with

periods as (

    select * from {{ ref('int_periods_due') }}

),

petitions as (

    select * from {{ ref('fct_petitions') }}

),

final as (

    select
        periods.period_code,
        petitions.petition_code,
        petitions.unit_code,
        petitions.case_code,
        petitions.petition_type,
        cast(petitions.received_at as date) as received_date,
        cast(petitions.due_at as date) as due_date,
        cast(petitions.resolved_at as date) as resolved_date,
        petitions.is_founded,
        petitions.is_protracted,
        petitions.row_id
    from petitions
    inner join periods on {{ known_on('petitions', 'periods.as_of') }}

)

select * from final
