%% Dynamo project @@project@@, written by Heteroscope on @@date@@
%% For MATLAB after dynamo_activate:     run dynamo_process.m
%% For Dynamo without MATLAB:            dynamo dynamo_process.m

%% Input parameters
@@assignments@@

%% Process table
cd(project_dir);
@@crop@@
@@azimuth@@

%% Halves and first averages
if exist('averages', 'dir') ~= 7
    mkdir('averages');
end
@@averages@@

%% Alignment projects
@@projects@@

%% Alignment
if run_alignment
@@run@@
end
