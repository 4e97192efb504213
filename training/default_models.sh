#!/bin/sh
# How the default models in service/models/ were made, one after the other: some eight hours of one
# CPU core that has bfloat16. Each line may be stopped and started again.
set -eu
python=.venv/bin/python
size="--channels 384 --batch-size 512 --windows-per-epoch 70000 --precision bfloat16 --threads 1"
more="--recombination 0.6 --backwards 0.5 --proportions 0.07 --short-context 0.3"

train() {  # the name of a model, the epochs it begins with, its velocity weight, what is its own
    name=$1 first=$2 velocity=$3
    shift 3
    # First what was recorded; then what might have been, more and more of it, at a lower rate again;
    # and without dropout at last, which trembles, so that velocities can be learned.
    $python -m training.train --output "runs/$name-1" $size "$@" --dropout 0.1 --epochs "$first"
    varied="--learning-rate 0.0005 --dropout 0.25"
    $python -m training.train --output "runs/$name-2" $size "$@" $varied \
        --initial "runs/$name-1/checkpoint.pt" --epochs 26 --learning-rate-decay 0.9 \
        --recombination 0.5 --backwards 0.3
    $python -m training.train --output "runs/$name-3" $size "$@" $varied $more \
        --initial "runs/$name-2/checkpoint.pt" --epochs 32 --learning-rate-decay 0.92
    $python -m training.train --output "runs/$name" $size "$@" $more \
        --initial "runs/$name-3/checkpoint.pt" --epochs 28 --learning-rate-decay 0.88 \
        --learning-rate 0.0004 --dropout 0 --velocity-weight "$velocity"
}

add_trajectory() {  # the name of a model, what is its own: a small network, which leaves the poses
    name=$1
    shift
    path="--freeze-pose --trajectory --trajectory-channels 128"
    $python -m training.train --output "runs/$name-path" $size $path "$@" $more \
        --initial "runs/$name-poses/checkpoint.pt" --epochs 50 --learning-rate-decay 0.93 \
        --dropout 0.1
    $python -m training.train --output "runs/$name" $size $path "$@" $more \
        --initial "runs/$name-path/checkpoint.pt" --epochs 24 --learning-rate-decay 0.87 \
        --learning-rate 0.0005 --dropout 0 --velocity-weight 4
}

export_model() {
    $python -m training.evaluate "runs/$1/checkpoint.pt" --beside runs/single/checkpoint.pt \
        --output "runs/$1/errors.json"
    $python -m training.export "runs/$1/checkpoint.pt" --output "service/models/$1" \
        --errors "runs/$1/errors.json" \
        --cost "115 epochs of 70,000 windows, and 74 of the trajectory: some two and a half hours of one CPU core" \
        --limits "Hardly anyone in the data sits or lies down: expect little there."
}

train symmetric243-poses 29 2
train causal243-poses 29 7 --causal
add_trajectory symmetric243
add_trajectory causal243 --causal
train single 60 0 --filter-widths 1,1,1,1,1
export_model symmetric243
export_model causal243
