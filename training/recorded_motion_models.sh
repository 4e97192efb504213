#!/bin/sh
# The recipe of the weights that training/default_models.sh begins with (versions f99b0d58622a,
# 42cb7fdb7912 and dc33d229a7dc), with seed 0: CMU's motion alone, some fourteen hours of one CPU
# core that has bfloat16. Each command may be interrupted; the same command resumes. Those weights
# did not come from one run of this script. They went through some of its stages twice, and through
# all but the last with earlier versions of noise, cameras and imputation; symmetric243 was trained
# with missing joints interpolated in the image, not moved along with the body.
set -eu
python=.venv/bin/python
step="--batch-size 512 --precision bfloat16 --threads 1"
size="$step --channels 384 --windows-per-epoch 70000"
more="--limb-swap 0.6 --backwards 0.5 --bone-length-scaling 0.07 --short-context 0.3"
wild="$more --speed 0.7,5 --joint-angle-jitter 0.7 --sitting 0.1 --lying 0.05 --roll 0.15 --truncation 0.1"

train() {  # NAME, epochs of the first stage, velocity weights of the fourth and last stages, more options
    name=$1 first=$2 velocity=$3 last_velocity=$4
    shift 4
    # 1: recorded motion. 2 and 3: augmentation, at a lower learning rate. 4: without dropout, which
    # adds jitter, so that velocities can be learned. 5 and last: all augmentations.
    $python -m training.train --output "runs/$name-1" $size "$@" --dropout 0.1 --epochs "$first"
    varied="--learning-rate 0.0005 --dropout 0.25"
    $python -m training.train --output "runs/$name-2" $size "$@" $varied \
        --initial "runs/$name-1/checkpoint.pt" --epochs 26 --learning-rate-decay 0.9 \
        --limb-swap 0.5 --backwards 0.3
    $python -m training.train --output "runs/$name-3" $size "$@" $varied $more \
        --initial "runs/$name-2/checkpoint.pt" --epochs 32 --learning-rate-decay 0.92
    $python -m training.train --output "runs/$name-4" $size "$@" $more \
        --initial "runs/$name-3/checkpoint.pt" --epochs 28 --learning-rate-decay 0.88 \
        --learning-rate 0.0004 --dropout 0 --velocity-weight "$velocity"
    fine_tuning="--windows-per-epoch 50000 --dropout 0 --weight-average 0.995"
    $python -m training.train --output "runs/$name-5" $step --channels 384 "$@" $wild $fine_tuning \
        --initial "runs/$name-4/checkpoint.pt" --epochs 60 --learning-rate 0.0002 \
        --learning-rate-decay 0.95 --velocity-weight "$last_velocity"
    $python -m training.train --output "runs/$name" $step --channels 384 "$@" $wild $fine_tuning \
        --initial "runs/$name-5/checkpoint.pt" --epochs 80 --learning-rate 0.0002 \
        --learning-rate-decay 0.955 --velocity-weight "$last_velocity"
}

train_light() {  # single frames first, which is quick; then temporal windows
    light="$step --channels 192 --dropout 0 --weight-average 0.995"
    $python -m training.train --output runs/light-1 $light $wild --filter-widths 1,1,1,1,1 \
        --batch-size 1024 --windows-per-epoch 140000 --epochs 80 --learning-rate-decay 0.94
    $python -m training.train --output runs/light-2 $light $wild --causal \
        --initial runs/light-1/checkpoint.pt --windows-per-epoch 70000 --epochs 50 \
        --learning-rate 0.0003 --learning-rate-decay 0.93 --velocity-weight 4
    $python -m training.train --output runs/causal243-light-poses $light $wild --causal \
        --initial runs/light-2/checkpoint.pt --windows-per-epoch 70000 --epochs 80 \
        --learning-rate 0.0003 --learning-rate-decay 0.95 --velocity-weight 4
}

add_trajectory() {  # NAME, channels, channels of the trajectory network, more options; the pose network
    # is frozen, and the last stage trains expected errors too
    name=$1 channels=$2 trajectory_channels=$3
    shift 3
    trajectory="$step --channels $channels --freeze-pose --trajectory"
    trajectory="$trajectory --trajectory-channels $trajectory_channels $*"
    $python -m training.train --output "runs/$name-1" $trajectory $more --windows-per-epoch 70000 \
        --initial "runs/$name-poses/checkpoint.pt" --epochs 50 --learning-rate-decay 0.93 \
        --dropout 0.1
    $python -m training.train --output "runs/$name-2" $trajectory $more --windows-per-epoch 70000 \
        --initial "runs/$name-1/checkpoint.pt" --epochs 24 --learning-rate-decay 0.87 \
        --learning-rate 0.0005 --dropout 0 --velocity-weight 4
    $python -m training.train --output "runs/$name" $trajectory $wild --windows-per-epoch 50000 \
        --initial "runs/$name-2/checkpoint.pt" --epochs 20 --learning-rate-decay 0.85 \
        --learning-rate 0.0006 --dropout 0 --velocity-weight 4 --expected-errors
}

train symmetric243-poses 29 2 3
train causal243-poses 29 7 6 --causal
train_light
add_trajectory symmetric243 384 128
add_trajectory causal243 384 128 --causal
add_trajectory causal243-light 192 64 --causal
