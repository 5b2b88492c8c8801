-- Petitions as known on the period's day.

with

periods as (

    select * from {{ ref('int_periods_due') }}

),

petitions as (

    select * from {{ ref('fct_petitions') }}

),

aliases as (

    select * from {{ ref('stg_reference__unit_aliases') }}

),

final as (

    select
        periods.period_code,
        petitions.petition_code,
        coalesce(aliases.unit_code, petitions.unit_code) as unit_code,
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
    left join aliases on petitions.unit_code = aliases.alias

)

select * from final
