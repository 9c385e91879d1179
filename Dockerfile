# The package, its kernels compiled, and a first training: docker build -t oran-tasam . && docker run oran-tasam
FROM python:3.11-slim
WORKDIR /oran-tasam
COPY . .
# torch alone from its own index, as in the Makefile: what it needs comes from the usual one.
RUN pip install --no-cache-dir --no-deps torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu \
 && pip install --no-cache-dir -c constraints.txt -e '.[agents,render]'
# The kernels are compiled at the first step of a preset; here, so that no container waits for them.
RUN tasam train --config tiny --iterations 2 --evaluate-every 2 --run-dir /tmp/first && rm -r /tmp/first
CMD ["tasam", "train", "--config", "tiny", "--run-dir", "runs/tiny"]
