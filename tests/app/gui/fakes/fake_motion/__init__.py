"""DynaMight's declaration with a worker that learns nothing, quickly, and writes what the window watches."""
