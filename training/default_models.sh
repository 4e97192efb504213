#!/bin/sh
# How the default models in service/models/ were made, one after the other: some seven hours of one
# CPU core that has bfloat16. Each line may be stopped and started again.
set -eu
python=.venv/bin/python

train() {  # the name of a model, the epochs it begins with, its velocity weight, what is its own
    name=$1 first=$2 velocity=$3
    shift 3
    common="--channels 384 --batch-size 512 --windows-per-epoch 70000 --precision bfloat16 --threads 1"
    # First what was recorded; then what might have been, more and more of it, at a lower rate again;
    # and without dropout at last, which trembles, so that velocities can be learned.
    $python -m training.train --output "runs/$name-1" $common "$@" --dropout 0.1 --epochs "$first"
    varied="--learning-rate 0.0005 --dropout 0.25"
    $python -m training.train --output "runs/$name-2" $common "$@" $varied \
        --initial "runs/$name-1/checkpoint.pt" --epochs 26 --learning-rate-decay 0.9 \
        --recombination 0.5 --backwards 0.3
    more="--recombination 0.6 --backwards 0.5 --proportions 0.07 --short-context 0.3"
    $python -m training.train --output "runs/$name-3" $common "$@" $varied $more \
        --initial "runs/$name-2/checkpoint.pt" --epochs 32 --learning-rate-decay 0.92
    $python -m training.train --output "runs/$name-4" $common "$@" $more \
        --initial "runs/$name-3/checkpoint.pt" --epochs 28 --learning-rate-decay 0.88 \
        --learning-rate 0.0004 --dropout 0 --velocity-weight "$velocity"
    # The root's path has a network of its own, which leaves the poses as they are.
    $python -m training.train --output "runs/$name" $common "$@" $more \
        --initial "runs/$name-4/checkpoint.pt" --freeze-pose --trajectory --trajectory-channels 128 \
        --epochs 50 --learning-rate-decay 0.93 --dropout 0.1
}

export_model() {
    $python -m training.evaluate "runs/$1/checkpoint.pt" --beside runs/single-4/checkpoint.pt \
        --output "runs/$1/errors.json"
    $python -m training.export "runs/$1/checkpoint.pt" --output "service/models/$1" \
        --errors "runs/$1/errors.json" \
        --cost "115 epochs of 70,000 windows, and 50 of the trajectory: some two and a half hours of one CPU core" \
        --limits "Hardly anyone in the data sits or lies down: expect little there."
}

train symmetric243 29 2
train causal243 29 7 --causal
train single 60 0 --filter-widths 1,1,1,1,1
export_model symmetric243
export_model causal243
