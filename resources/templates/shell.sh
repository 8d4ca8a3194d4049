#!/bin/bash
# Template for a machine without a queue: give bash as "Queue submit command".
# Lines above the command prepare the environment, for example: module load cuda

XXXcommandXXX
