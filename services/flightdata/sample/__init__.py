"""The sample timetable: invented flights of real carriers between real airports, labelled as sample."""
