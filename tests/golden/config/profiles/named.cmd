config debug
