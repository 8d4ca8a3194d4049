"""DynaMight: continuous motions of a molecule learnt from single particles."""
