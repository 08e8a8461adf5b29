"""The work: functions of values and adapters that return values; imports no Prefect."""
