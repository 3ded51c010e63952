select rental_id from {{ ref('fct_rentals') }} where revenue <= 0
