"""The explorer: latent space and moving maps. Each part is a widget that can be used alone."""
