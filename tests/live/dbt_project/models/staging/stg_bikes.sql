select bike_id, model, cast(daily_price as decimal(9, 2)) as daily_price
from {{ ref('raw_bikes') }}
