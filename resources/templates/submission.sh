#!/bin/bash
# Template of a submission script for Slurm; make a copy for your cluster and name it on the tab Running.
# RELION's placeholders are filled in; the line with the command is replaced as a whole.
#SBATCH --job-name=XXXnameXXX
#SBATCH --partition=XXXqueueXXX
#SBATCH --ntasks=XXXmpinodesXXX
#SBATCH --cpus-per-task=XXXthreadsXXX
#SBATCH --nodes=XXXnodesXXX
#SBATCH --output=XXXoutfileXXX
#SBATCH --error=XXXerrfileXXX
#SBATCH --open-mode=append
# A graphics card, where the cluster hands them out:
##SBATCH --gres=gpu:1

XXXcommandXXX
