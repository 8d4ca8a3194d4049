"""What the explorer computes and writes, without a window: embeddings, paths, clusters, exports."""
