dcp.new(@@name@@, 'd', particles_dir, 'template', 'averages/@@average@@', 'masks', 'default', 't', '@@table@@', 'gui', 0);
@@parameters@@
dvcheck(@@name@@);
dvunfold(@@name@@);
