average_@@half@@ = daverage(particles_dir, 't', '@@table@@', 'fcompensate', 1, 'mw', num_workers);
dwrite(average_@@half@@.average, 'averages/@@average@@');
