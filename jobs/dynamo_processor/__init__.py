"""Dynamo: subtomogram-averaging projects made from IMOD, EMAN2, RELION 5 and Warp."""
