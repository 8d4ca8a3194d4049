"""TomoDRGN: states and volumes of particles of tilt series, learnt by networks."""
