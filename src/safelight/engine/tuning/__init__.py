"""An operator's options put onto a pipeline, and weights laid out as a processor reads them."""
