"""The local studio: a renderer that draws comps from words, a critic that measures, a writer without a model."""
