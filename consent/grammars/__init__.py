"""Grammars of consent: one JSON file for each language.

A file has a `version`, which changes with every change of the file, and `reviewed`: true if a native speaker
has checked it.

* `phrases`: sets of phrases. `(a|b|)` in a phrase stands for a, b or nothing.
* `rules`: steps that must consume a whole utterance. A step names sets of phrases, separated by `|`, and ends
  with `?`, `*` or `+` as in regular expressions. `asks` limits a rule to questions of these subjects.
* `thanks`: steps of an utterance that only thanks.
* `subjects`: patterns that find the subject in the last two sentences of a question, tried in order.
* `cues`: patterns for utterances that no rule consumes, tried in order. No cue gives consent.
"""
