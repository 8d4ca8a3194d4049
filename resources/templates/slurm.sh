#!/bin/bash
# Template of a submission script for SLURM, used when "Standard submission script" is left empty.
# For another cluster make a copy, change it, and name it on the Running tab or in RELION_QSUB_TEMPLATE.
# Words between XXX and XXX are filled in; the line with the command is replaced as a whole.
#SBATCH --job-name=XXXnameXXX
#SBATCH --partition=XXXqueueXXX
#SBATCH --ntasks=XXXmpinodesXXX
#SBATCH --cpus-per-task=XXXthreadsXXX
#SBATCH --output=XXXoutfileXXX
#SBATCH --error=XXXerrfileXXX
#SBATCH --open-mode=append
# One graphics card, where the cluster hands them out (remove one # to use it):
##SBATCH --gres=gpu:1
# A time limit of a day (remove one # to use it):
##SBATCH --time=24:00:00

XXXcommandXXX
