"""Questions to several models at once, or to one model many times; each step is a run.

A study is a generator, like a run: it tells typed events, yields at least once per step of a run
or of the work between runs, and closing it ends it within one step. Importing a study is light.
"""
