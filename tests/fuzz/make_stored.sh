#!/usr/bin/env bash
# make_stored.sh PUSHCART: makes the HDF5 files of the corpus anew, corpus/stored/KIND/NAME.h5: of a small shop every kind of
# file with every part that a file may have. The models, lists and the checkpoint are of dataset/data.h5.
set -euo pipefail
pushcart=$(realpath "$1")
corpus=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/corpus/stored
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
run() { "$pushcart" "$@" --quiet >/dev/null; }

run synth --output log --users 30 --items 12 --events 500
awk -F, 'NR > 1 {print $1 "," NR % 3 "," NR % 5}' log/items.csv >look.csv
run ingest --input log/events-00000.csv --columns user=user,item=item,type=type,time=time,query=query,name=name \
  --items log/items.csv --users log/users.csv --item-vectors look=look.csv --hold-out-days 20 --output data.h5
run ingest --input log/events-00000.csv --columns user=user,item=item,value=quantity --ratings last --max-rejects off \
  --output ratings.h5
run train als --dataset data.h5 --k 4 --sweeps 2 --output als.h5
run train itemknn --dataset data.h5 --neighbours 5 --output itemknn.h5
run train userknn --dataset data.h5 --neighbours 5 --hold-out random --output userknn.h5
run train spectral --dataset data.h5 --k 3 --neighbours 5 --output spectral.h5
run train content --dataset data.h5 --k 2 --neighbours 5 --output content.h5
run train blend --dataset data.h5 --models als.h5 itemknn.h5 --weights 1 0.5 --output blend.h5
run recommend --dataset data.h5 --model als.h5 --n 4 --explain 2 --output lists
run similar --dataset data.h5 --model als.h5 --n 4 --output similar
run train als --dataset data.h5 --k 4 --sweeps 9 --patience 4 --checkpoint-every 1sweep --stop-after-sweeps 3 \
  --output stopped.h5 || [[ $? == 75 ]]
run recommend --dataset data.h5 --model als.h5 --n 4 --checkpoint-every 3rows --max-hours 1e-9 --output part || [[ $? == 75 ]]
head -n 40 log/events-00000.csv >bad.csv
echo 'no line of ours' >>bad.csv
run retrain --ingest.input log/events-00000.csv bad.csv --store store --train.k 2 --train.sweeps 1 \
  --ingest.columns user=user,item=item,type=type,time=time,query=query,name=name,price=price \
  --ingest.price-outlier-z 9 --ingest.hold-out-days 20 || [[ $? == 7 ]]

rm -rf "$corpus"
mkdir -p "$corpus"/{dataset,model,lists,checkpoint,row-lists,kept-events}
cp data.h5 ratings.h5 "$corpus/dataset"
cp als.h5 itemknn.h5 userknn.h5 spectral.h5 content.h5 blend.h5 "$corpus/model"
cp lists/lists.h5 "$corpus/lists/users.h5"
cp similar/lists.h5 "$corpus/lists/similar.h5"
cp stopped.checkpoint/*.h5 "$corpus/checkpoint"
cp part.checkpoint/*.h5 "$corpus/row-lists"
cp store/kept-events/*.h5 "$corpus/kept-events"
