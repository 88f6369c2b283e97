"""The node side: observe, plan, act, report. Never imports store, service, cloud or api."""
