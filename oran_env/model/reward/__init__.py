"""From rates to KPIs, QoS, reward and what a DU sees."""
