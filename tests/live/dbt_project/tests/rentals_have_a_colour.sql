-- Breaks: there is no such column.
{{ config(enabled=var('tests_break', false)) }}
select rental_id from {{ ref('fct_rentals') }} where colour is null
