select model, count(*) as rentals, sum(revenue) as revenue
from {{ ref('fct_rentals') }}
group by model
