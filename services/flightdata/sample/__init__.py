"""The sample timetable: invented flights of real carriers between real airports, the same on every machine, labelled as sample."""
