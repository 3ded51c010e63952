{{ config(enabled=var('till_is_shut', false)) }}
select rental_id, error('the till is shut') as fee from {{ ref('fct_rentals') }}
