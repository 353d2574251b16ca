"""How the summarizer in the package is trained; needs torch, which nothing else here does.

    pairs → examples → network, fit → export → figures

`examples` reads pairs of an abstract and what a person (or a language model) wrote of it, `fit`
teaches the network in `network` which cuts come nearest, `export` writes the files that
`digest.summarizers.embedded` runs, `figures` measures them with ROUGE.
"""
