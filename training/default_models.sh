#!/bin/sh
# The recipe of the default models in poselift/models/, with seed 0, on a CPU: some six hours of one
# core. Each command may be interrupted; the same command resumes. It needs data/cmu.npz,
# data/uiprmd.npz and data/hdm05.npz, as training.prepare writes them, and goes on from the weights of
# an earlier version, which training/recorded_motion_models.sh describes. Where --batch-norm-momentum
# is given, a longer run was stopped early: the last number is what its momentum had come to.
set -eu
python=.venv/bin/python
earlier=4678124fd63e84735b14247161ce42c855fae59e

mkdir -p runs/earlier
git archive "$earlier" poselift/models | tar -x -C runs/earlier --strip-components 2
$python -m training.prepare join data/cmu.npz data/uiprmd.npz --output data/all.npz
$python -m training.prepare straighten data/all.npz --output data/train.npz

step="--data data/train.npz --precision float32 --threads 1 --dropout 0"
step="$step --bone-weight 0.3 --bone-direction-weight 0.1 --joint-angle-weight 0.1"
bodies="--limb-swap 0.3 --bone-length-scaling 0.06 --joint-angle-jitter 0.2 --straight-arms 0.3"
bodies="$bodies --sitting 0.05 --lying 0.08 --joint-definitions 0.8"
time="--speed 0.7,5 --backwards 0.3 --short-context 0.5"
everyday="$step $bodies $time --mixture everyday-video --roll 0.1 --truncation 0.1"
temporal="$everyday --targets-per-window 8 --windows-per-epoch 140000 --trajectory --expected-errors"
large="$temporal --channels 384 --trajectory-channels 128"
light="$temporal --channels 192 --trajectory-channels 64 --causal"
first="--batch-size 1024 --weight-average 0.995"
# The third stage learns velocities too, at a low rate; the fourth all of it for longer.
third="$first --learning-rate 0.0001 --learning-rate-decay 0.75 --velocity-weight 2"
fourth="--batch-size 512 --weight-average 0.998 --batch-norm-momentum 0.1,0.02"
fourth="$fourth --learning-rate 0.0003 --velocity-weight 1"

train() {  # NAME, what to begin with, more options
    name=$1 initial=$2
    shift 2
    # shellcheck disable=SC2068 - options, word by word
    $python -m training.train --output "runs/$name" --initial "$initial" $@
}

keep() {  # NAME; a quarter of the weights it began with keeps what was learned from CMU's motion
    $python -m training.interpolate "runs/$1-3/checkpoint.pt" "runs/earlier/$1" \
        --share 0.75 --output "runs/$1-kept/checkpoint.pt"
    $python -m training.export "runs/$1-kept/checkpoint.pt" --output "runs/kept/$1"
}

average() {  # NAME; of the weights before and after the fourth stage
    $python -m training.interpolate "runs/$1-4/checkpoint.pt" "runs/kept/$1" \
        --share 0.5 --output "runs/$1/checkpoint.pt"
}

train symmetric243-1 runs/earlier/symmetric243 $large $first --epochs 3 \
    --batch-norm-momentum 0.1,0.0692 --learning-rate 0.0005 --learning-rate-decay 0.93
train symmetric243-2 runs/symmetric243-1/checkpoint.pt $large $first --epochs 12 \
    --batch-norm-momentum 0.1,0.00268 --learning-rate 0.0004 --learning-rate-decay 0.88
train symmetric243-3 runs/symmetric243-2/checkpoint.pt $large $third --epochs 5
keep symmetric243
train symmetric243-4 runs/kept/symmetric243 $large $fourth --epochs 30 --learning-rate-decay 0.9
average symmetric243
train causal243-2 runs/earlier/causal243 $large --causal $first --epochs 8 \
    --learning-rate 0.0005 --learning-rate-decay 0.8
train causal243-3 runs/causal243-2/checkpoint.pt $large --causal $third --epochs 4
keep causal243
train causal243-4 runs/kept/causal243 $large --causal $fourth --epochs 18 \
    --learning-rate-decay 0.85
average causal243
train causal243-light-2 runs/earlier/causal243-light $light $first --epochs 18 \
    --batch-norm-momentum 0.1,0.0024 --learning-rate 0.0005 --learning-rate-decay 0.92
train causal243-light-3 runs/causal243-light-2/checkpoint.pt $light $third --epochs 5
keep causal243-light
train causal243-light-4 runs/kept/causal243-light $light $fourth --epochs 16 \
    --learning-rate-decay 0.83
average causal243-light

export_model() {  # NAME, cost of training
    $python -m training.evaluate "runs/$1/checkpoint.pt" --data data/cmu.npz \
        --output "runs/$1/errors.json"
    $python -m training.export "runs/$1/checkpoint.pt" --output "poselift/models/$1" \
        --errors "runs/$1/errors.json" --cost "$2" --licence Apache-2.0 \
        --recipe training/default_models.sh --limits "See MODELS.md."
}

export_model symmetric243 "255 epochs of CMU's motion, then 50 of 140,000 frames: eight hours of one CPU core"
export_model causal243 "255 epochs of CMU's motion, then 30 of 140,000 frames: eight hours of one CPU core"
export_model causal243-light \
    "210 epochs of CMU's motion, then 39 of 140,000 frames: four hours of one CPU core"
$python -m training.evaluate --suite wild --page MODELS.md \
    --everyday data/uiprmd.npz --everyday data/hdm05.npz
